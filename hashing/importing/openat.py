"""Open files and folders below a folder without following a link on the way, also while they are moved about."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def folder_below(root: Path, relative: PurePosixPath) -> Iterator[int]:
    """Open a folder and close it at the end. Raises `OSError`, also where a part of the way is a link."""
    descriptor = os.open(root, FOLDER)
    try:
        for part in relative.parts:
            parent, descriptor = descriptor, os.open(part, FOLDER, dir_fd=descriptor)
            os.close(parent)
        yield descriptor
    finally:
        os.close(descriptor)


def file_below(root: Path, relative: PurePosixPath) -> IO[bytes]:
    """Open a regular file for reading. Raises `OSError` for any other, and where a part of the way is a link."""
    with folder_below(root, relative.parent) as folder:
        descriptor = os.open(relative.name, FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb")
