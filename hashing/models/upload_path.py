"""The name that an uploaded file gets in the storage."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.utils import timezone
from django.utils.text import get_valid_filename

from hashing.text import truncated

FOLDER = "images/%Y/%m/"
# Encrypted file systems take 143 bytes; a storage adds 8 to a name that is taken.
MAX_NAME_BYTES = 135
MAX_SUFFIX_BYTES = 16
DEFAULT_STEM = "image"
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def upload_path(_instance: Any, filename: str) -> str:
    """Return a path that every file system takes, for `ImageAsset.image`, whatever the file was called."""
    return timezone.now().strftime(FOLDER) + _valid_name(filename.replace("\\", "/").rpartition("/")[2])


def _valid_name(name: str) -> str:
    try:
        name = get_valid_filename(name)
    except SuspiciousFileOperation:
        return DEFAULT_STEM
    stem, dot, suffix = name.rpartition(".") if "." in name else (name, "", "")
    # Without a stem, the file would be hidden, and a storage would add its digits to the suffix.
    stem = stem.strip(".") or DEFAULT_STEM
    if _WINDOWS_DEVICE.match(stem):
        stem = f"{DEFAULT_STEM}-{stem}"
    ending = truncated(dot + suffix, MAX_SUFFIX_BYTES) if suffix else ""
    return truncated(stem, MAX_NAME_BYTES - len(ending.encode())) + ending
