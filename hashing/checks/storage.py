"""The storage of images that no source owns, and of previews."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, register
from django.core.files.storage import FileSystemStorage, InMemoryStorage, default_storage

from hashing.checks.messages import warning
from hashing.sources.storages import own_storage, storage_key


@register("hashing")
def check_storage(**_kwargs: Any) -> list[CheckMessage]:
    # Images are in the storage of the field, which a site may replace, and previews in the default one.
    found = {storage_key(storage): storage for storage in (own_storage(), default_storage)}
    return [message for storage in found.values() for message in _problems(storage)]


def _problems(storage: Any) -> list[CheckMessage]:
    if isinstance(storage, InMemoryStorage):
        message = "Images are stored in the memory of a process, where commands and other workers cannot read them."
        return [warning("W002", message, "Use a storage that all processes share, except in tests.")]
    if not isinstance(storage, FileSystemStorage):
        return []
    if not Path(storage.base_location).is_absolute():
        message = "MEDIA_ROOT is empty or relative: images are stored below the folder in which a process is started."
        return [warning("W003", message, "Set MEDIA_ROOT to an absolute path.")]
    if reason := _why_not_writable(str(storage.location)):
        message = f"Images cannot be stored in {storage.location}: {reason}."
        return [warning("W006", message, "Make the folder, and let the user of the site's processes write to it.")]
    return []


def _why_not_writable(location: str) -> str | None:
    """Return None also where the folder is not there and can be made: Django does so at the first upload."""
    folder = location
    while not os.path.exists(folder) and os.path.dirname(folder) != folder:  # noqa: PTH110, PTH120 - never raise
        folder = os.path.dirname(folder)  # noqa: PTH120
    if not Path(folder).is_dir():
        return f"{folder} is no folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"this process may not write to {folder}"
    return None
