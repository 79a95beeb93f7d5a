"""The settings of the site, with the models of tests/site_models."""

from __future__ import annotations

from imagesearch.settings import *  # noqa: F403
from imagesearch.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "tests.site_models"]
MIDDLEWARE = ["tests.middleware.one_request_at_a_time", *MIDDLEWARE, "tests.middleware.strict_policy"]
# The default is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# On a busy machine, a page may wait for its decoder. Tests of this limit set their own.
HASHING = {"PAGE_TIMEOUT": 60.0}
