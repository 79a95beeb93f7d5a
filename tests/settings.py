"""The settings of the site, with the models of tests/site_models."""

from __future__ import annotations

from imagesearch.settings import *  # noqa: F403
from imagesearch.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.site_models"]
# The default is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
