"""The image files below a folder, one by one, however many there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hashing.importing.openat import folder_below
from hashing.pixels import FILE_SUFFIXES


class FoundImage(NamedTuple):
    """A file with the name of an image, by its path below the folder."""

    relative: PurePosixPath


class LeftOut(NamedTuple):
    """A file or folder that was not taken, and why. `unread`: it might have been one to take, but cannot be read."""

    relative: str
    reason: str
    unread: bool = False


def walk_images(root: Path) -> Iterator[FoundImage | LeftOut]:
    """Walk through a folder and all below it, in no certain order. No symbolic link is followed.

    What a file holds is not looked at: a broken picture is an image file, and the backfill will say what is wrong.
    """
    folders = [PurePosixPath()]
    while folders:
        folder = folders.pop()
        try:
            with folder_below(root, folder) as descriptor, os.scandir(descriptor) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False) and not _is_hidden(entry.name):
                        folders.append(folder / entry.name)
                    else:
                        yield _judge(entry, folder)
        except OSError as error:
            yield LeftOut(str(folder), f"cannot be read: {error.strerror}", unread=True)


def _judge(entry: os.DirEntry[str], folder: PurePosixPath) -> FoundImage | LeftOut:
    relative = folder / entry.name
    reason = _objection(entry, relative)
    return LeftOut(str(relative), reason) if reason else FoundImage(relative)


def _objection(entry: os.DirEntry[str], relative: PurePosixPath) -> str:
    if entry.is_symlink():
        return "symbolic link"
    if _is_hidden(entry.name):
        return "hidden"
    if relative.suffix.lower() not in FILE_SUFFIXES:
        return "not named as an image"
    if not entry.is_file(follow_symlinks=False):
        return "not a regular file"
    if not _is_unicode(str(relative)):
        return "name is not valid Unicode"
    return ""


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
