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

TOP_FOLDER = "imported"
_DISTINGUISHED = re.compile(r"-[0-9a-f]{8}(\.[^.]*)?$")


class CopiedNames:
    """Names for files that are copied from below `root` into a storage."""

    def __init__(self, root: Path, storage: Storage) -> None:
        self._storage = storage
        self._folder = f"{self._valid(root.name or 'root')}-{_digest(str(root))}"

    def name(self, file: FoundImage) -> str:
        return "/".join([TOP_FOLDER, self._folder, *(self._part(part) for part in file.relative.parts)])

    def _part(self, part: str) -> str:
        valid = self._valid(part)
        if valid == part and not _DISTINGUISHED.search(part):
            return part
        # Two parts can become the same when made valid, and one can look like another that was.
        stem, dot, suffix = valid.rpartition(".")
        return f"{stem or 'unnamed'}-{_digest(part)}.{suffix}" if dot else f"{valid}-{_digest(part)}"

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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
