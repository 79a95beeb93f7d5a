from __future__ import annotations

import os
import struct
from typing import IO

from PIL.BmpImagePlugin import BmpImageFile

from hashing.fingerprint.formats.splicing import splice

FILE_HEADER, OLDEST_INFO_HEADER = 14, 12


def open_bmp(file: IO[bytes], filename: str = "") -> BmpImageFile:
    """Open a BMP file, also one whose palette Pillow mistakes for plain black and white or plain grey."""
    image = BmpImageFile(file, filename)
    file.seek(FILE_HEADER)
    header = file.read(40)
    header_size = int.from_bytes(header[:4], "little")
    (bits,) = struct.unpack_from("<H", header, 10 if header_size == OLDEST_INFO_HEADER else 14)
    # Pillow drops a palette of black and white, or one of 0, 1, 2..., and then reads 1 or 8 bits a pixel whatever the
    # file has. It keeps a palette whose black has a trace of blue, too little to change a grey level.
    if image.mode in {"1", "L"} and bits != {"1": 1, "L": 8}[image.mode]:
        palette = FILE_HEADER + header_size
        size = file.seek(0, os.SEEK_END)
        return BmpImageFile(splice(file, [range(palette), b"\1", range(palette + 1, size)]), filename)
    return image
