from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from hashing.fingerprint.limits import FILE_SUFFIXES
from hashing.importing.exclusions import Exclusions
from hashing.text import is_unicode

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


class FoundImage(NamedTuple):
    """A file with the name of an image, by its path below the folder, and its size in bytes."""

    relative: PurePosixPath
    size: int = 0


class LeftOut(NamedTuple):
    """A file or folder that was not taken, and why. `unread`: it might have been one to take, but cannot be read."""

    relative: str
    reason: str
    unread: bool = False


def walk_images(root: Path, exclusions: Exclusions | None = None) -> Iterator[FoundImage | LeftOut]:
    """Walk through a folder and all below it, in no certain order. No symbolic link is followed.

    An entry or a folder that cannot be read is left out, and the walk goes on. What a file holds is not looked at: a
    broken picture is an image file, and the backfill will say what is wrong.
    """
    judge = _Judge(root, exclusions or Exclusions())
    folders = [PurePosixPath()]
    while folders:
        folder = folders.pop()
        try:
            with folder_below(root, folder) as descriptor, os.scandir(descriptor) as entries:
                for entry in entries:
                    found = judge(entry, folder / entry.name)
                    if isinstance(found, PurePosixPath):
                        folders.append(found)
                    else:
                        yield found
        except OSError as error:
            yield _unread(folder, error)


class _Judge:
    """Tells what an entry is: a folder to walk through, an image to take, or something to leave out."""

    def __init__(self, root: Path, exclusions: Exclusions) -> None:
        self._root, self._exclusions = root, exclusions

    def __call__(self, entry: os.DirEntry[str], relative: PurePosixPath) -> PurePosixPath | FoundImage | LeftOut:
        # Where the folder does not say what its entries are, each of these questions reads the entry itself.
        try:
            if entry.is_dir(follow_symlinks=False):
                reason = "hidden" if _is_hidden(entry.name) else self._exclusions.folder_reason(relative)
                return LeftOut(str(relative), reason) if reason else relative
            reason = self._file_reason(entry, relative)
            return LeftOut(str(relative), reason) if reason else _found(entry, relative)
        except OSError as error:
            return _unread(relative, error)

    def _file_reason(self, entry: os.DirEntry[str], relative: PurePosixPath) -> str:
        if entry.is_symlink():
            return "symbolic link"
        if _is_hidden(entry.name):
            return "hidden"
        if relative.suffix.lower() not in FILE_SUFFIXES:
            return "not named as an image"
        if not is_unicode(str(relative)):
            return "name is not valid Unicode"
        return self._exclusions.file_reason(self._root, relative)


def _found(entry: os.DirEntry[str], relative: PurePosixPath) -> FoundImage | LeftOut:
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return LeftOut(str(relative), "not a regular file")
    return FoundImage(relative, status.st_size)


def _unread(relative: PurePosixPath, error: OSError) -> LeftOut:
    return LeftOut(str(relative), f"cannot be read: {error.strerror or error}", unread=True)


def _is_hidden(name: str) -> bool:
    return name.startswith(".")
