"""Image files and comparisons for several tests of decoding."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import PIL
import pytest
from PIL import Image, features

from hashing.fingerprint.decoding import (
    Picture,
    read_picture,
)

try:
    from pillow_heif import register_heif_opener
except ImportError:
    HEIF = False
else:
    HEIF = True
    register_heif_opener()

SMALL = (80, 60)
ORIENTATION = 0x0112

# Older ones refuse some files that it reads, and have no limit for WebP.
FROM_PILLOW_13 = pytest.mark.skipif(int(PIL.__version__.partition(".")[0]) < 13, reason="needs Pillow 13")
needs_avif = pytest.mark.needs("a Pillow with AVIF", lambda: features.check("avif"))
needs_heif = pytest.mark.needs("the package pillow-heif", lambda: HEIF)
AVIF = pytest.param("AVIF", marks=needs_avif)
HEIC = pytest.param("HEIF", marks=needs_heif)
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", AVIF, HEIC, "TIFF", "BMP", "JPEG2000", "MPO", "PPM"]
CLOSE_TO_THE_ORIGINAL = {
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "HEIF": {"quality": -1, "chroma": 444},
    "JPEG": {"quality": 100},
}


def read(content: bytes, **options: int) -> Picture:
    return read_picture(io.BytesIO(content), **options)


def grey_levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def assert_same_grey(picture: Picture, expected: Image.Image) -> None:
    assert picture.grey.mode == "L"
    np.testing.assert_array_equal(grey_levels(picture.grey), grey_levels(expected.convert("L")))


def assert_close_grey(picture: Picture, expected: Image.Image) -> None:
    assert picture.grey.mode == "L"
    assert picture.grey.size == expected.size
    assert np.abs(grey_levels(picture.grey) - grey_levels(expected.convert("L"))).mean() < 4


def oriented(orientation: object) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif.tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_declares(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(b"\0" * 100)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
