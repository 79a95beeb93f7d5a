"""Pages from right to left, and times without a zone.

The default admin site is one of the site's own, with a name of its own; keys of users are UUIDs.
"""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403
from tests.projects.settings.base import INSTALLED_APPS

LANGUAGE_CODE = "ar"
USE_THOUSAND_SEPARATOR = True
USE_TZ = False
TIME_ZONE = "Pacific/Auckland"

OFFICE = "tests.projects.admin_sites.OfficeConfig"
SITES = [OFFICE if app == "django.contrib.admin" else app for app in INSTALLED_APPS]
INSTALLED_APPS = [*SITES, "tests.projects.uuid_users"]
AUTH_USER_MODEL = "uuid_users.User"
