"""The default admin site is one of the site's own, with a name of its own."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403
from tests.projects.settings.base import INSTALLED_APPS

OFFICE = "tests.projects.admin_sites.OfficeConfig"
INSTALLED_APPS = [OFFICE if app == "django.contrib.admin" else app for app in INSTALLED_APPS]
