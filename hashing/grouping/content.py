"""Files that are equal byte for byte."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from django.core.files.storage import Storage

from hashing.paging import rows_with_keys
from hashing.querysets import HashedImageQuerySet
from hashing.text import first_line, printable

logger = logging.getLogger(__name__)


def read_contents(
    rows: HashedImageQuerySet[Any], entry_of: Mapping[Any, int], progress: Callable[[int], object]
) -> dict[Any, tuple[int, bytes]]:
    """For keys of `rows`, something that is equal for equal files.

    Files are read only when another one has the same size and the same entry; the others are left out, and so are
    those that cannot be read. `progress` is told the per cent that are done.
    """
    source = rows.model.hash_source
    storage = rows.model._meta.get_field(source).storage
    alike: defaultdict[tuple[int, int], list[tuple[Any, str]]] = defaultdict(list)
    for key, name, size in rows_with_keys(rows, entry_of, (source, "file_size")):
        alike[entry_of[key], size].append((key, name))
    contents = {}
    for done, ((entry, _size), files) in enumerate(alike.items(), start=1):
        for key, name in files if len(files) > 1 else ():
            if content := digest(storage, name):
                contents[key] = (entry, content)
        progress(100 * done // len(alike))
    return contents


def digest(storage: Storage, name: str) -> bytes | None:
    """A digest of the whole content of a stored file; None when it cannot be read."""
    try:
        with storage.open(name, "rb") as file:
            summed: Any = hashlib.blake2b(digest_size=16)
            for block in file.chunks():
                summed.update(block)
    # Whatever a storage raises: one file that cannot be read is in no group, and stops nothing.
    except Exception as error:
        logger.warning("%s cannot be read: %s", printable(name), first_line(error))
        return None
    return bytes(summed.digest())
