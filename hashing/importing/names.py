"""The name of an imported file in the storage.

It follows from the path of the file alone and no two files share one, so that a row with that name means: this file is
registered.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import Storage

from hashing.importing.walk import FoundImage
from hashing.text import truncated

TOP_FOLDER = "imported"
# What most file systems take as the name of a file or a folder.
MAX_PART_BYTES = 255
_DIGITS = 16
_DISTINGUISHED = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}(\.[^.]*)?$")


class CopiedNames:
    """Names for files that are copied from below `root` into a storage."""

    def __init__(self, root: Path, storage: Storage) -> None:
        self._storage = storage
        self._folder = _distinguished(self._valid(root.name or "root"), "", str(root))

    def name(self, file: FoundImage) -> str:
        return "/".join([TOP_FOLDER, self._folder, *(self._part(part) for part in file.relative.parts)])

    def _part(self, part: str) -> str:
        valid = self._valid(part)
        if valid == part and not _DISTINGUISHED.search(part) and len(part.encode()) <= MAX_PART_BYTES:
            return part
        # Two parts can become the same when made valid, and one can look like another that was.
        stem, dot, suffix = valid.rpartition(".")
        return _distinguished(stem or "unnamed", f".{suffix}", part) if dot else _distinguished(valid, "", part)

    def _valid(self, part: str) -> str:
        try:
            return self._storage.get_valid_name(part)
        except SuspiciousFileOperation:
            return "unnamed"


class NamesInPlace:
    """Names for files that are below the media root already; `folder` is the path of theirs below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def name(self, file: FoundImage) -> str:
        return (self._folder / file.relative).as_posix()


def _distinguished(stem: str, suffix: str, original: str) -> str:
    """Return a name that no other original leads to, and that a file system takes."""
    ending = f"-{_digest(original)}{truncated(suffix, MAX_PART_BYTES // 2)}"
    return truncated(stem, MAX_PART_BYTES - len(ending.encode())) + ending


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:_DIGITS]
