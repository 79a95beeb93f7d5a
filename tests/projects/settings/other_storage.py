"""Files are in a storage that has no paths, as those of object storages."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403

STORAGES = {
    "default": {"BACKEND": "tests.projects.blob_storage.BlobStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
