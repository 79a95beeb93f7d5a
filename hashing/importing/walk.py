"""The image files below a folder, one by one, however many there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hashing.pixels import FILE_SUFFIXES


class FoundImage(NamedTuple):
    """A file with the name of an image; `relative` is its path below the folder."""

    path: Path
    relative: PurePosixPath


class LeftOut(NamedTuple):
    """A file or folder that was not taken, and why."""

    relative: str
    reason: str


def walk_images(root: Path) -> Iterator[FoundImage | LeftOut]:
    """Walk through a folder and all below it, in no certain order. No symbolic link is followed.

    What a file holds is not looked at: a broken picture is an image file, and the backfill will say what is wrong.
    """
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False) and not _is_hidden(entry.name):
                        folders.append(folder / entry.name)
                    else:
                        yield _judge(entry, root)
        except OSError as error:
            yield LeftOut(_below(folder, root), f"cannot be read: {error.strerror}")


def _judge(entry: os.DirEntry[str], root: Path) -> FoundImage | LeftOut:
    path = Path(entry.path)
    if reason := _objection(entry):
        return LeftOut(_below(path, root), reason)
    return FoundImage(path, PurePosixPath(path.relative_to(root).as_posix()))


def _objection(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "symbolic link"
    if _is_hidden(entry.name):
        return "hidden"
    if os.path.splitext(entry.name)[1].lower() not in FILE_SUFFIXES:  # noqa: PTH122
        return "not named as an image"
    if not entry.is_file(follow_symlinks=False):
        return "not a regular file"
    if not _is_unicode(entry.path):
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


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
