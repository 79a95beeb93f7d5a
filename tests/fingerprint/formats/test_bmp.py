from __future__ import annotations

import struct
from functools import partial

import numpy as np
import pytest

from samples.pictures import encoded, photo
from tests.fingerprint.formats.table import (
    ALPHA,
    GREY,
    RGB,
    SIZE,
    Pixels,
    assert_read_as,
    assert_refused,
    by_opencv,
    named,
    on_white,
)

RAW, RLE8, BITFIELDS = 0, 1, 3
INFO, V4, V5 = 40, 108, 124
BGRA_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def bmp(rows: list[bytes], bits: int, header: int = INFO, compression: int = RAW, **options) -> bytes:
    """Return a BMP file of stored rows, from top to bottom."""
    masks, palette, top_down = options.get("masks", ()), options.get("palette", b""), options.get("top_down", False)
    width, height = options.get("size", SIZE)
    body = b"".join(row + b"\0" * (-len(row) % 4) for row in (rows if top_down else rows[::-1]))
    info = struct.pack(
        "<IiiHHIIiiII",
        header,
        width,
        -height if top_down else height,
        1,
        bits,
        compression,
        len(body),
        2835,
        2835,
        len(palette) // 4,
        0,
    )
    packed = struct.pack(f"<{len(masks)}I", *masks)
    # The older header is followed by the masks, the newer ones contain them.
    info = info + packed if header == INFO else (info + packed).ljust(header, b"\0")
    start = 14 + len(info) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + info + palette + body


def bgra(alpha: Pixels) -> list[bytes]:
    return [row.tobytes() for row in np.dstack([RGB[..., ::-1], alpha])]


def packed_5_6_5() -> list[bytes]:
    red, green, blue = (RGB[..., channel].astype("<u2") >> shift for channel, shift in enumerate((3, 2, 3)))
    return [row.astype("<u2").tobytes() for row in red << 11 | green << 5 | blue]


def packed_5_5_5() -> list[bytes]:
    red, green, blue = (RGB[..., channel].astype("<u2") >> 3 for channel in range(3))
    return [row.astype("<u2").tobytes() for row in red << 10 | green << 5 | blue]


def grey_palette(levels: int, step: int) -> bytes:
    return b"".join(bytes([level * step] * 3 + [0]) for level in range(levels))


def indexes(bits: int, stored_bits: int | None = None) -> list[bytes]:
    """Return the grey picture in fewer levels, several in a byte."""
    levels = GREY >> 8 - bits
    binary = np.unpackbits(levels[..., None], axis=2)[..., 8 - (stored_bits or bits) :]
    return [np.packbits(row.ravel()).tobytes() for row in binary]


def run_lengths() -> bytes:
    return b"".join(b"".join(bytes([1, level]) for level in row) + b"\0\0" for row in GREY[::-1]) + b"\0\1"


ZERO, FULL = np.zeros_like(ALPHA), np.full_like(ALPHA, 255)
BLACK_AND_WHITE = grey_palette(2, 255)
GREYS_8, GREYS_4 = grey_palette(256, 1), grey_palette(16, 17)
VARIANTS = {
    "24 bits": lambda: encoded(photo(3, SIZE), "BMP"),
    "24 bits from top to bottom": partial(bmp, [row[:, ::-1].tobytes() for row in RGB], 24, top_down=True),
    "32 bits": partial(bmp, bgra(ZERO), 32),
    "32 bits from top to bottom": partial(bmp, bgra(ZERO), 32, top_down=True),
    "16 bits, 5-5-5": partial(bmp, packed_5_5_5(), 16),
    "16 bits, 5-6-5": partial(bmp, packed_5_6_5(), 16, INFO, BITFIELDS, masks=(0xF800, 0x7E0, 0x1F)),
    "8 bits, grey": partial(bmp, indexes(8), 8, palette=GREYS_8),
    "8 bits, inverted palette": partial(
        bmp, indexes(8), 8, palette=b"".join(bytes([255 - level] * 3 + [0]) for level in range(256))
    ),
    "8 bits, colours": lambda: encoded(photo(3, SIZE).quantize(200), "BMP"),
    "8 bits, run-length": partial(bmp, [run_lengths()], 8, compression=RLE8, palette=GREYS_8),
    "4 bits": partial(bmp, indexes(4), 4, palette=GREYS_4),
    "4 bits, dark palette": partial(bmp, indexes(4), 4, palette=grey_palette(16, 1)),
    "4 bits, black and white": partial(bmp, indexes(1, stored_bits=4), 4, palette=BLACK_AND_WHITE),
    "8 bits, black and white": partial(bmp, indexes(1, stored_bits=8), 8, palette=BLACK_AND_WHITE),
    "8 bits, few dark greys": partial(bmp, indexes(4, stored_bits=8), 8, palette=grey_palette(16, 1)),
    "1 bit": lambda: encoded(photo(3, SIZE).convert("1"), "BMP"),
    "1 bit, inverted palette": partial(bmp, indexes(1), 1, palette=b"\xff\xff\xff\0\0\0\0\0"),
    "1 bit, colours": partial(bmp, indexes(1), 1, palette=b"\x20\x40\xff\0\xff\xe0\x10\0"),
}


@pytest.mark.parametrize("variant", named(VARIANTS))
def test_pixels_are_read_as_by_opencv(variant):
    content = variant()
    # OpenCV and Pillow round the 5 bits of a channel differently.
    assert_read_as(content, by_opencv(content), tolerance=8 if content[28] == 16 else 1.5)


@pytest.mark.parametrize("header", [V4, V5])
def test_alpha_is_put_on_white(header):
    content = bmp(bgra(ALPHA), 32, header, BITFIELDS, masks=BGRA_MASKS)
    assert_read_as(content, on_white(RGB, ALPHA))


@pytest.mark.parametrize("alpha", [ZERO, FULL], ids=["zero everywhere", "opaque"])
@pytest.mark.parametrize("header", [V4, V5])
def test_unused_alpha_changes_nothing(header, alpha):
    assert_read_as(bmp(bgra(alpha), 32, header, BITFIELDS, masks=BGRA_MASKS), RGB)


@pytest.mark.parametrize("alpha", [ZERO, FULL, ALPHA], ids=["zero everywhere", "opaque", "between"])
@pytest.mark.parametrize("masks", [BGRA_MASKS[:3], (*BGRA_MASKS[:3], 0)], ids=["three masks", "no mask of alpha"])
def test_a_fourth_byte_without_a_mask_is_not_alpha(masks, alpha):
    header = INFO if len(masks) == 3 else V4
    assert_read_as(bmp(bgra(alpha), 32, header, BITFIELDS, masks=masks), RGB)


def test_16_bits_after_a_newer_header_are_read():
    # OpenCV refuses them.
    content = bmp(packed_5_6_5(), 16, V4, BITFIELDS, masks=(0xF800, 0x7E0, 0x1F))
    assert_read_as(content, RGB, tolerance=8)


def test_unknown_masks_are_refused():
    content = bmp(bgra(ZERO), 32, V4, BITFIELDS, masks=(0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000))
    assert_refused(content, "Unsupported BMP bitfields layout")
