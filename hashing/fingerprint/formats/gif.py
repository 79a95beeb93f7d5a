"""GIF files without their extensions, of which Pillow misreads those that are damaged."""

from __future__ import annotations

import os
from typing import IO, BinaryIO

from PIL.GifImagePlugin import GifImageFile

from hashing.fingerprint.formats.splicing import Piece, splice

EXTENSION, IMAGE, CONTROL = b"\x21", b"\x2c", b"\xf9"
HEADER_SIZE = 13


class FirstFrame(GifImageFile):
    """The first frame of a GIF file."""

    def __init__(self, file: IO[bytes], filename: str = "") -> None:
        super().__init__(_without_extensions(file), filename)


def _without_extensions(file: IO[bytes]) -> BinaryIO:
    """All but what stands before the first frame and says nothing about its transparency."""
    flags = file.read(HEADER_SIZE)[10:11] or b"\0"
    palette_size = 3 << (flags[0] & 7) + 1 if flags[0] & 0x80 else 0
    position, control = HEADER_SIZE + palette_size, b""
    file.seek(position)
    while (introducer := file.read(1)) and introducer != IMAGE:
        if introducer == EXTENSION:
            label, first, end = file.read(1), *_sub_blocks(file)
            if label == CONTROL and len(first) == 4:
                control = EXTENSION + CONTROL + b"\4" + first + b"\0"
        else:
            # Pillow skips such a byte as well.
            end = file.tell()
        position = end
    pieces: list[Piece] = [range(HEADER_SIZE + palette_size), control, range(position, file.seek(0, os.SEEK_END))]
    return splice(file, pieces)


def _sub_blocks(file: IO[bytes]) -> tuple[bytes, int]:
    """The first of the blocks of an extension, and where the last one ends."""
    first = None
    while (size := file.read(1)) and size != b"\0":
        if first is None:
            first = file.read(size[0])
        else:
            file.seek(size[0], os.SEEK_CUR)
    return first or b"", file.tell()
