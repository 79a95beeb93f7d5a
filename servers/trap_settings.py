"""The site's settings, with `TrapStorage`."""

from __future__ import annotations

from imagesearch.settings import *  # noqa: F403

STORAGES = {
    "default": {"BACKEND": "servers.trap_storage.TrapStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
