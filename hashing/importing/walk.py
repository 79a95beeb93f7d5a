from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from django.utils.translation import gettext as _

from hashing.fingerprint.limits import FILE_SUFFIXES
from hashing.importing.exclusions import Exclusions
from hashing.text import is_unicode

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Without O_NONBLOCK, opening a pipe without a writer would block.
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class FoundImage(NamedTuple):
    """A file with the name of an image: its path below the root, and its size in bytes."""

    relative: PurePosixPath
    size: int = 0


class LeftOut(NamedTuple):
    """A file or folder that is left out, and why. `is_error`: it cannot be read, and may be an image or have some."""

    relative: str
    reason: str
    is_error: bool = False


def walk_images(root: Path, exclusions: Exclusions | None = None) -> Iterator[FoundImage | LeftOut]:
    """Walk through a folder and all folders below it, in no particular order, without following symbolic links.

    Files are not opened: the backfill reports images that are broken. An entry that cannot be read is left out.
    """
    excluded = exclusions or Exclusions()
    folders = [PurePosixPath()]
    while folders:
        folder = folders.pop()
        try:
            with folder_below(root, folder) as descriptor, os.scandir(descriptor) as entries:
                for entry in entries:
                    found = classify(entry, folder / entry.name, root, excluded)
                    if isinstance(found, PurePosixPath):
                        folders.append(found)
                    else:
                        yield found
        except OSError as error:
            yield unreadable(folder, error)


def classify(
    entry: os.DirEntry[str], relative: PurePosixPath, root: Path, exclusions: Exclusions
) -> PurePosixPath | FoundImage | LeftOut:
    """Return the path of a folder to walk through, or what becomes of a file."""
    # On a file system whose folders do not have the types of their entries, each question reads the entry itself.
    try:
        if entry.is_dir(follow_symlinks=False):
            reason = _("hidden") if is_hidden(entry) else exclusions.folder_reason(relative)
            return LeftOut(str(relative), reason) if reason else relative
        if reason := reason_to_leave_out(entry, relative) or exclusions.file_reason(root, relative):
            return LeftOut(str(relative), reason)
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return unreadable(relative, error)
    if not stat.S_ISREG(status.st_mode):
        return LeftOut(str(relative), _("not a regular file"))
    return FoundImage(relative, status.st_size)


def reason_to_leave_out(entry: os.DirEntry[str], relative: PurePosixPath) -> str:
    """Return an empty text for a file that may be an image."""
    if entry.is_symlink():
        return _("symbolic link")
    if is_hidden(entry):
        return _("hidden")
    if relative.suffix.lower() not in FILE_SUFFIXES:
        return _("not named as an image")
    return "" if is_unicode(str(relative)) else _("name is not valid Unicode")


def is_hidden(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(".")


def unreadable(relative: PurePosixPath, error: OSError) -> LeftOut:
    reason = _("cannot be read: %(reason)s") % {"reason": error.strerror or error}
    return LeftOut(str(relative), reason, is_error=True)


def file_below(root: Path, relative: PurePosixPath) -> IO[bytes]:
    """Open a regular file for reading. Raise `OSError` for any other, and if a part of the path is a link."""
    with folder_below(root, relative.parent) as folder:
        descriptor = os.open(relative.name, FILE_FLAGS, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb")


@contextmanager
def folder_below(root: Path, relative: PurePosixPath) -> Iterator[int]:
    """Open a folder, and close it at the end. Raise `OSError`, also if a part of the path is a link."""
    descriptor = os.open(root, FOLDER_FLAGS)
    try:
        for part in relative.parts:
            parent, descriptor = descriptor, os.open(part, FOLDER_FLAGS, dir_fd=descriptor)
            os.close(parent)
        yield descriptor
    finally:
        os.close(descriptor)
