"""The content of a file in a storage, whole, but for one that is too large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hashing.limits import refuse_too_large
from hashing.workers.s3 import is_s3, open_object

Reserve = Callable[[int], None]


def read_stored_file(storage: Any, name: str, max_bytes: int, reserve: Reserve | None = None) -> bytes:
    """Raises `FileTooLarge`, and what the storage raises. `reserve` is told the size before the content is read."""
    with open_object(storage, name) if is_s3(storage) else storage.open(name, "rb") as stored:
        size = _told_size(stored)
        refuse_too_large(size, max_bytes)
        if reserve:
            reserve(size)
        content: bytes = stored.read(max_bytes + 1)
    refuse_too_large(len(content), max_bytes)
    return content


def _told_size(stored: Any) -> int:
    """Asked first, because many a storage fetches the whole file at the first `read`. 0 where it is not known."""
    try:
        return stored.size or 0
    except (AttributeError, NotImplementedError):
        return 0
