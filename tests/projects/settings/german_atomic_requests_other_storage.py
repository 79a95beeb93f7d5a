"""Numbers with points for commas, and a transaction around each request.

A storage without paths, and a site below a path of its server.
"""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403
from tests.projects.settings.base import DATABASES

LANGUAGE_CODE = "de"
USE_THOUSAND_SEPARATOR = True
DATABASES["default"]["ATOMIC_REQUESTS"] = True

STORAGES = {
    "default": {"BACKEND": "tests.projects.blob_storage.BlobStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FORCE_SCRIPT_NAME = "/below"
