"""JPEG files whose metadata is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from PIL.JpegImagePlugin import JpegImageFile

from hashing.fingerprint.formats.splicing import splice

EXIF = b"Exif\0\0"
APP0, APP1, APP14, APP15 = 0xE0, 0xE1, 0xEE, 0xEF
COMMENT, START_OF_SCAN = 0xFE, 0xDA


def open_jpeg(file: IO[bytes], filename: str = "") -> JpegImageFile:
    """The first picture of a JPEG file, without the metadata where Pillow cannot read it."""
    try:
        return JpegImageFile(file, filename)
    # Whatever damaged metadata raises. An error in the picture itself is raised again.
    except Exception:
        try:
            return _open_without_metadata(file, keep_exif=True)
        except Exception:
            return _open_without_metadata(file, keep_exif=False)


def _open_without_metadata(file: IO[bytes], *, keep_exif: bool) -> JpegImageFile:
    size = file.seek(0, 2)
    return JpegImageFile(splice(file, [b"\xff\xd8", *_kept(file, size, keep_exif=keep_exif)]))


def _kept(file: IO[bytes], size: int, *, keep_exif: bool) -> Iterator[range]:
    position = 2
    while True:
        file.seek(position)
        start = file.read(4)
        marker, length = start[1:2], int.from_bytes(start[2:])
        if len(start) < 4 or start[0] != 0xFF or marker[0] in {0xFF, START_OF_SCAN}:
            break
        if _says_something_of_the_pixels(marker[0], file.read(min(max(length - 2, 0), 14)), keep_exif=keep_exif):
            yield range(position, position + 2 + length)
        position += 2 + length
    yield range(position, size)


def _says_something_of_the_pixels(marker: int, beginning: bytes, *, keep_exif: bool) -> bool:
    if marker == APP0:
        return beginning.startswith(b"JFIF\0") and len(beginning) == 14
    # Whether the colours are those of Adobe: RGB, YCbCr, CMYK or YCCK.
    if marker == APP14:
        return beginning.startswith(b"Adobe") and len(beginning) >= 12
    if marker == APP1:
        return keep_exif and beginning.startswith(EXIF)
    return not (APP0 <= marker <= APP15 or marker == COMMENT)
