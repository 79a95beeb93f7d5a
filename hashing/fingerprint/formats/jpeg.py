from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO

from PIL.JpegImagePlugin import JpegImageFile

from hashing.fingerprint.formats.splicing import splice

EXIF = b"Exif\0\0"
APP0, APP1, APP14, APP15 = 0xE0, 0xE1, 0xEE, 0xEF
COMMENT, START_OF_SCAN = 0xFE, 0xDA


def open_jpeg(file: IO[bytes], filename: str = "") -> JpegImageFile:
    """Open the first picture of a JPEG file, without its metadata if Pillow cannot read them."""
    try:
        return JpegImageFile(file, filename)
    # Damaged metadata raise anything. An error in the picture itself will be raised again.
    except Exception:
        try:
            return open_without_metadata(file, keep_exif=True)
        except Exception:
            return open_without_metadata(file, keep_exif=False)


def open_without_metadata(file: IO[bytes], *, keep_exif: bool) -> JpegImageFile:
    return JpegImageFile(splice(file, [b"\xff\xd8", *find_picture_segments(file, keep_exif=keep_exif)]))


def find_picture_segments(file: IO[bytes], *, keep_exif: bool) -> Iterator[range]:
    """Yield the ranges of the segments that describe the first picture; the last one has its pixels and all behind."""
    size, position = file.seek(0, os.SEEK_END), 2
    while True:
        file.seek(position)
        start = file.read(4)
        marker, length = start[1:2], int.from_bytes(start[2:])
        if len(start) < 4 or start[0] != 0xFF or marker[0] in {0xFF, START_OF_SCAN}:
            break
        if describes_pixels(marker[0], file.read(min(max(length - 2, 0), 14)), keep_exif=keep_exif):
            yield range(position, position + 2 + length)
        position += 2 + length
    yield range(position, size)


def describes_pixels(marker: int, beginning: bytes, *, keep_exif: bool) -> bool:
    if marker == APP0:
        return beginning.startswith(b"JFIF\0") and len(beginning) == 14
    # It says which colour space the file has: RGB, YCbCr, CMYK or YCCK.
    if marker == APP14:
        return beginning.startswith(b"Adobe") and len(beginning) >= 12
    if marker == APP1:
        return keep_exif and beginning.startswith(EXIF)
    return not (APP0 <= marker <= APP15 or marker == COMMENT)
