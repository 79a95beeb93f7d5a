from __future__ import annotations

import struct
from functools import partial

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from samples.pictures import encoded, photo
from tests.fingerprint.formats.table import GREY, RGB, SIZE, Pixels, assert_read_as, assert_refused, by_opencv, named

PLAIN = encoded(Image.fromarray(RGB).quantize(128), "GIF")
GREYS = b"".join(bytes([level] * 3) for level in range(256))


def lzw(indexes: Pixels) -> bytes:
    """Uncompressed codes of 9 bits; the table is cleared before codes would grow."""
    codes = []
    for number, index in enumerate(indexes.ravel()):
        codes += ([256] if number % 200 == 0 else []) + [int(index)]
    bits = "".join(f"{code:09b}"[::-1] for code in [*codes, 257])
    stored = bytes(int(bits[start : start + 8].ljust(8, "0")[::-1], 2) for start in range(0, len(bits), 8))
    return b"\x08" + blocks(stored)


def blocks(content: bytes) -> bytes:
    parts = [content[start : start + 255] for start in range(0, len(content), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def frame(indexes: Pixels, left: int = 0, top: int = 0, palette: bytes = b"", interlaced: bool = False) -> bytes:
    height, width = indexes.shape
    flags = (0x87 if palette else 0) | (0x40 if interlaced else 0)
    if interlaced:
        indexes = np.concatenate([indexes[start::step] for start, step in ((0, 8), (4, 8), (2, 4), (1, 2))])
    return struct.pack("<BHHHHB", 0x2C, left, top, width, height, flags) + palette + lzw(indexes)


def control(transparent: int | None = None, disposal: int = 0) -> bytes:
    flags = disposal << 2 | (transparent is not None)
    return b"\x21\xf9\x04" + struct.pack("<BHB", flags, 10, transparent or 0) + b"\0"


def gif(*parts: bytes, palette: bytes = GREYS, background: int = 0, size: tuple[int, int] = SIZE) -> bytes:
    screen = struct.pack("<HHBBB", *size, 0xF7 if palette else 0x70, background, 0)
    return b"GIF89a" + screen + palette + b"".join(parts) + b"\x3b"


INVERTED_GREYS = GREYS[::-1]
VARIANTS = {
    "global palette": partial(gif, frame(GREY)),
    "local palette": partial(gif, frame(GREY, palette=INVERTED_GREYS)),
    "local palette alone": partial(gif, frame(GREY, palette=INVERTED_GREYS), palette=b""),
    "interlaced": partial(gif, frame(GREY, interlaced=True)),
    "as Pillow writes it": lambda: PLAIN,
    "few colours": lambda: encoded(photo(3, SIZE).quantize(4), "GIF"),
    "first of several frames": partial(gif, control() + frame(GREY) + control() + frame(255 - GREY)),
}


@pytest.mark.parametrize("variant", named(VARIANTS))
def test_pixels_are_read_as_by_opencv(variant):
    assert_read_as(variant(), by_opencv(variant()))


@pytest.mark.parametrize("variant", named(VARIANTS))
def test_gif_is_read_as_by_giflib(variant):
    decoded = imagecodecs.gif_decode(variant())
    assert_read_as(variant(), decoded[0] if decoded.ndim == 4 else decoded)


def test_a_transparent_index_is_white():
    key = int(GREY[20, 20])
    assert_read_as(gif(control(key), frame(GREY)), np.where(key == GREY, 255, GREY))


def test_the_part_outside_the_first_frame_is_white():
    # As in a browser, which ignores the colour of the background.
    expected = np.full_like(GREY, 255)
    expected[10:30, 8:40] = GREY[10:30, 8:40]
    assert_read_as(
        gif(control(7), frame(GREY[10:30, 8:40], 8, 10), background=7), np.where(expected == 7, 255, expected)
    )


def test_a_first_frame_beyond_the_screen_is_shown_completely():
    assert_read_as(gif(frame(GREY), size=(20, 10)), GREY)


EXTENSIONS = {
    "an empty comment": b"\x21\xfe\0",
    "a comment in no encoding": b"\x21\xfe" + blocks(b"\xff\xfe\0"),
    "a comment of 100 KB": b"\x21\xfe" + blocks(b"x" * 100_000),
    "an empty application": b"\x21\xff\0",
    "an application that is cut off": b"\x21\xff" + blocks(b"NETSCAPE2.0")[:-1] + b"\1\1\0",
    "a loop without a number": b"\x21\xff\x0bNETSCAPE2.0\1\1\0",
    "a loop with too much": b"\x21\xff\x0bNETSCAPE2.0" + blocks(b"x" * 300),
    "a plain text": b"\x21\x01" + blocks(b"x" * 12),
    "an unknown extension": b"\x21\x77" + blocks(b"x" * 300),
    "a short control": b"\x21\xf9\x01\0\0",
    "an empty control": b"\x21\xf9\0",
}


@pytest.mark.parametrize("extension", named(EXTENSIONS))
def test_damaged_extensions_are_ignored(extension):
    assert_read_as(gif(extension, frame(GREY)), GREY)
    assert_read_as(gif(frame(GREY), extension), GREY)


@pytest.mark.parametrize("rest", [b"", b"\x2c", b"\x21\xfe\xffcut off", b"\xff" * 40])
def test_damage_after_the_first_frame_is_ignored(rest):
    assert_read_as(gif(frame(GREY)).removesuffix(b"\x3b") + rest, GREY)


def test_a_truncated_frame_is_refused():
    assert_refused(PLAIN[: len(PLAIN) // 2], ".")
