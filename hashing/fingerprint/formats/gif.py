from __future__ import annotations

import os
from typing import IO

from PIL.GifImagePlugin import GifImageFile

from hashing.fingerprint.formats.splicing import splice

EXTENSION, IMAGE, CONTROL = b"\x21", b"\x2c", b"\xf9"
HEADER_SIZE = 13


def open_gif(file: IO[bytes], filename: str = "") -> GifImageFile:
    """Open a GIF file at its first frame, without the extensions before it, of which Pillow misreads damaged ones.

    Only the extension with the transparency of the frame is kept.
    """
    flags = file.read(HEADER_SIZE)[10:11] or b"\0"
    palette_size = 3 << (flags[0] & 7) + 1 if flags[0] & 0x80 else 0
    position, control = HEADER_SIZE + palette_size, b""
    file.seek(position)
    while (introducer := file.read(1)) and introducer != IMAGE:
        if introducer == EXTENSION:
            label, first_block, end = file.read(1), *read_extension(file)
            if label == CONTROL and len(first_block) == 4:
                control = EXTENSION + CONTROL + b"\4" + first_block + b"\0"
        else:
            # Pillow skips such a byte as well.
            end = file.tell()
        position = end
    size = file.seek(0, os.SEEK_END)
    kept = splice(file, [range(HEADER_SIZE + palette_size), control, range(position, size)])
    return GifImageFile(kept, filename)


def read_extension(file: IO[bytes]) -> tuple[bytes, int]:
    """Return the first of the blocks of an extension, and the position after the last one."""
    first_block = None
    while (size := file.read(1)) and size != b"\0":
        if first_block is None:
            first_block = file.read(size[0])
        else:
            file.seek(size[0], os.SEEK_CUR)
    return first_block or b"", file.tell()
