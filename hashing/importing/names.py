from __future__ import annotations

import hashlib
import re
from pathlib import Path

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import Storage

from hashing.importing.walk import FoundImage
from hashing.text import truncated

TOP_FOLDER = "imported"
# The length of a file or folder name that most file systems accept.
MAX_PART_BYTES = 255
DIGEST_LENGTH = 16
DIGEST_ENDING = re.compile(rf"-[0-9a-f]{{{DIGEST_LENGTH}}}(\.[^.]*)?$")


class CopyNames:
    """Names for files that are copied from below `root` into a storage.

    A name depends on the path of the file alone, and no two files share one. So a file is registered if a row has its
    name.
    """

    copies_files = True

    def __init__(self, root: Path, storage: Storage) -> None:
        self._storage = storage
        self.folder = with_digest(self._valid(root.name or "root"), "", str(root))

    def name(self, file: FoundImage) -> str:
        return "/".join([TOP_FOLDER, self.folder, *(self._part(part) for part in file.relative.parts)])

    def _part(self, part: str) -> str:
        valid = self._valid(part)
        if valid == part and not DIGEST_ENDING.search(part) and len(part.encode()) <= MAX_PART_BYTES:
            return part
        # Two parts can become the same when made valid, and a part can look like one with a digest.
        stem, dot, suffix = valid.rpartition(".")
        return with_digest(stem or "unnamed", f".{suffix}", part) if dot else with_digest(valid, "", part)

    def _valid(self, part: str) -> str:
        try:
            return self._storage.get_valid_name(part)
        except SuspiciousFileOperation:
            return "unnamed"


class InPlaceNames:
    """Names for files that are already below the media root, in `folder`."""

    copies_files = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def name(self, file: FoundImage) -> str:
        return (self._folder / file.relative).as_posix()


def with_digest(stem: str, suffix: str, original: str) -> str:
    """Return a name that differs for each original, and that a file system accepts."""
    digest = hashlib.sha256(original.encode(errors="surrogateescape")).hexdigest()[:DIGEST_LENGTH]
    ending = f"-{digest}{truncated(suffix, MAX_PART_BYTES // 2)}"
    return truncated(stem, MAX_PART_BYTES - len(ending.encode())) + ending
