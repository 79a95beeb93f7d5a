"""The site's settings, with its files in a bucket."""

from __future__ import annotations

import os

from imagesearch.settings import *  # noqa: F403
from servers.s3_storage import storage_options

STORAGES = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": storage_options(os.environ["S3_ENDPOINT"], os.environ["S3_BUCKET"]),
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
