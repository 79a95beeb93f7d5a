from __future__ import annotations

import io
import struct
import zlib
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from hashing.fingerprint.decoding import read_picture
from hashing.fingerprint.opening import verify_picture
from hashing.perceptual_hash import compute_fingerprint
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

GREY_TYPE, COLOUR_TYPE, PALETTE_TYPE, GREY_ALPHA_TYPE, COLOUR_ALPHA_TYPE = 0, 2, 3, 4, 6
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PALETTE = np.asarray([[level, 255 - level, level // 2] for level in range(256)], dtype=np.uint8)


def chunk(kind: bytes, body: bytes = b"", checksum: int | None = None, length: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I4s", len(body) if length is None else length, kind) + body + struct.pack(">I", checksum)


def png(samples: Pixels, bits: int, colour_type: int, before: bytes = b"", after: bytes = b"", parts: int = 1) -> bytes:
    """Return a PNG file with further chunks before and after those of the pixels."""
    rows = samples.reshape(len(samples), -1)
    if bits < 8:
        rows = np.packbits(rows[..., None] >> np.arange(bits)[::-1] & 1).reshape(len(rows), -1).astype(np.uint8)
    stored = zlib.compress(b"".join(b"\0" + row.astype(">u2" if bits == 16 else "u1").tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], bits, colour_type, 0, 0, 0)
    size = -(-len(stored) // parts)
    pixels = b"".join(chunk(b"IDAT", stored[start : start + size]) for start in range(0, len(stored), size))
    return SIGNATURE + chunk(b"IHDR", header) + before + pixels + after + chunk(b"IEND")


def palette(entries: int) -> bytes:
    return chunk(b"PLTE", PALETTE[:: 256 // entries].tobytes())


def fewer(bits: int) -> Pixels:
    return GREY >> 8 - bits


RGB_16, GREY_16, ALPHA_16 = (pixels.astype(np.uint16) * 257 for pixels in (RGB, GREY, ALPHA))
VARIANTS = {
    **{f"{bits} bits, grey": partial(png, fewer(bits), bits, GREY_TYPE) for bits in (1, 2, 4, 8)},
    **{
        f"{bits} bits, palette": partial(png, fewer(bits), bits, PALETTE_TYPE, palette(1 << bits))
        for bits in (1, 2, 4, 8)
    },
    "16 bits, grey": partial(png, GREY_16, 16, GREY_TYPE),
    "8 bits, colours": partial(png, RGB, 8, COLOUR_TYPE),
    "16 bits, colours": partial(png, RGB_16, 16, COLOUR_TYPE),
    "8 bits, grey and alpha": partial(png, np.dstack([GREY, ALPHA]), 8, GREY_ALPHA_TYPE),
    "16 bits, grey and alpha": partial(png, np.dstack([GREY_16, ALPHA_16]), 16, GREY_ALPHA_TYPE),
    "8 bits, colours and alpha": partial(png, np.dstack([RGB, ALPHA]), 8, COLOUR_ALPHA_TYPE),
    "16 bits, colours and alpha": partial(png, np.dstack([RGB_16, ALPHA_16]), 16, COLOUR_ALPHA_TYPE),
    "colours and opaque alpha": partial(png, np.dstack([RGB, ALPHA | 255]), 8, COLOUR_ALPHA_TYPE),
    "colours and alpha of zero": partial(png, np.dstack([RGB, ALPHA & 0]), 8, COLOUR_ALPHA_TYPE),
    "palette with alpha": partial(png, GREY, 8, PALETTE_TYPE, palette(256) + chunk(b"tRNS", bytes(range(200)))),
    "a palette that is suggested": partial(png, RGB, 8, COLOUR_TYPE, palette(256)),
    "many chunks of pixels": partial(png, RGB, 8, COLOUR_TYPE, parts=100),
    "interlaced": lambda: encoded(photo(3, SIZE), "PNG", interlace=True),
}


@pytest.mark.parametrize("variant", named(VARIANTS))
def test_pixels_are_read_as_by_opencv(variant):
    assert_read_as(variant(), by_opencv(variant()), tolerance=2)


# A colour that is transparent


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_is_white(bits):
    levels = GREY_16 if bits == 16 else fewer(bits)
    key = int(levels[20, 20])
    content = png(levels, bits, GREY_TYPE, chunk(b"tRNS", struct.pack(">H", key)))
    shown = levels * 255.0 / (2**bits - 1)
    assert_read_as(content, np.where(levels == key, 255, shown))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_transparent_colour_is_white(bits):
    colours = (RGB_16 if bits == 16 else RGB).copy()
    colours[5:15, 5:15] = key = (2570, 5140, 7710) if bits == 16 else (10, 20, 30)
    content = png(colours, bits, COLOUR_TYPE, chunk(b"tRNS", struct.pack(">3H", *key)))
    expected = colours / (257 if bits == 16 else 1)
    expected[5:15, 5:15] = 255
    assert_read_as(content, expected)


SHORT, TOO_LONG, WRONG_SUM = chunk(b"tRNS", b"\0"), chunk(b"tRNS", bytes(600)), chunk(b"tRNS", bytes(6), checksum=5)


@pytest.mark.parametrize("damaged", [SHORT, TOO_LONG, WRONG_SUM], ids=["short", "too long", "wrong checksum"])
def test_damaged_transparency_is_ignored(damaged):
    assert_read_as(png(GREY, 8, GREY_TYPE, damaged), GREY)
    assert_read_as(png(RGB, 8, COLOUR_TYPE, damaged), RGB)


def test_more_transparency_than_colours_is_ignored():
    content = png(fewer(2), 2, PALETTE_TYPE, palette(4) + chunk(b"tRNS", bytes(5)))
    assert_read_as(content, PALETTE[::64][fewer(2)])


def test_transparency_beside_alpha_is_ignored():
    content = png(np.dstack([RGB, ALPHA]), 8, COLOUR_ALPHA_TYPE, chunk(b"tRNS", bytes(6)))
    assert_read_as(content, on_white(RGB, ALPHA))


# Chunks that do not describe the pixels


def compressed(size: int) -> bytes:
    return zlib.compress(b"x" * size)


ANCILLARY = {
    "2 MB of compressed text": chunk(b"zTXt", b"Comment\0\0" + compressed(2 << 20)),
    "2 MB of compressed international text": chunk(b"iTXt", b"Comment\0\1\0\0\0" + compressed(2 << 20)),
    "70 MB of text": chunk(b"tEXt", b"Comment\0" + b"x" * (70 << 20)),
    "a colour profile of 2 MB": chunk(b"iCCP", b"profile\0\0" + compressed(2 << 20)),
    "a colour profile without a method": chunk(b"iCCP", b"profile\0"),
    "a colour profile with an unknown method": chunk(b"iCCP", b"profile\0\7" + compressed(10)),
    "a colour profile that is cut off": chunk(b"iCCP", b"profile\0\0" + compressed(1000)[:8]),
    "an empty colour profile": chunk(b"iCCP"),
    "text with a wrong checksum": chunk(b"tEXt", b"Comment\0text", checksum=1),
    "compressed text with an unknown method": chunk(b"zTXt", b"Comment\0\7text"),
    "international text in no encoding": chunk(b"iTXt", b"Comment\0\0\0\0\0\xff\xfe"),
    "an empty sRGB": chunk(b"sRGB"),
    "a short pHYs": chunk(b"pHYs", b"\0\0\1"),
    "a short gAMA": chunk(b"gAMA", b"\0"),
    "a short cHRM": chunk(b"cHRM", bytes(31)),
    "a gamma of zero": chunk(b"gAMA", bytes(4)),
    "an unknown chunk": chunk(b"prVt", b"private", checksum=2),
    "an unknown chunk named like a method": chunk(b"crc_", b"private"),
    "an animation without frames": chunk(b"acTL", bytes(8)),
    "a short animation": chunk(b"acTL", b"\0"),
    "a short frame": chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", bytes(10)),
    "a frame out of order": chunk(b"acTL", struct.pack(">II", 2, 0))
    + chunk(b"fcTL", struct.pack(">5I", 7, *SIZE, 0, 0) + bytes(6)),
    "a broken EXIF block": chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
    "an EXIF block with a wrong checksum": chunk(b"eXIf", b"II*\0", checksum=3),
    "20,000 texts": chunk(b"tEXt", b"Comment\0text") * 20_000,
}


@pytest.mark.parametrize("ancillary", named(ANCILLARY))
def test_damage_before_the_pixels_is_ignored(ancillary):
    content = png(GREY, 8, GREY_TYPE, before=ancillary)
    verify_picture(io.BytesIO(content))
    assert_read_as(content, GREY)


@pytest.mark.parametrize("ancillary", named(ANCILLARY))
def test_damage_behind_the_pixels_is_ignored(ancillary):
    content = png(GREY, 8, GREY_TYPE, after=ancillary)
    verify_picture(io.BytesIO(content))
    assert_read_as(content, GREY)


@pytest.mark.parametrize(
    "rest", [b"", b"\0\0\0\x20tEXtcut off", b"\xff" * 50], ids=["nothing", "half a chunk", "garbage"]
)
def test_the_end_of_the_file_may_be_missing(rest):
    assert_read_as(png(GREY, 8, GREY_TYPE).removesuffix(chunk(b"IEND")) + rest, GREY)


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_counts_in_a_damaged_file(orientation, place):
    damage = ANCILLARY["text with a wrong checksum"] + ANCILLARY["an empty sRGB"]
    content = png(RGB, 8, COLOUR_TYPE, **{place: damage + chunk(b"eXIf", exif(orientation)) + damage})
    upright = Image.fromarray(RGB)
    upright.getexif()[0x0112] = orientation
    assert_read_as(content, np.asarray(ImageOps.exif_transpose(upright)))


def test_the_fingerprint_equals_that_of_the_undamaged_file():
    image = photo(4)
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * (2 << 20), zip=True)
    plain, damaged = encoded(image, "PNG"), encoded(image, "PNG", pnginfo=info)
    assert compute_fingerprint(io.BytesIO(damaged)) == compute_fingerprint(io.BytesIO(plain))


def test_pillows_settings_are_unchanged():
    before = (
        PngImagePlugin.MAX_TEXT_CHUNK,
        PngImagePlugin.MAX_TEXT_MEMORY,
        PngImagePlugin.ImageFile.LOAD_TRUNCATED_IMAGES,
    )
    read_picture(io.BytesIO(png(GREY, 8, GREY_TYPE, before=ANCILLARY["2 MB of compressed text"])))
    after = (
        PngImagePlugin.MAX_TEXT_CHUNK,
        PngImagePlugin.MAX_TEXT_MEMORY,
        PngImagePlugin.ImageFile.LOAD_TRUNCATED_IMAGES,
    )
    assert after == before


# Chunks that the pixels need


def test_the_default_image_of_an_animation_counts():
    frames = chunk(b"acTL", struct.pack(">II", 1, 0))
    control = chunk(b"fcTL", struct.pack(">5I", 0, *SIZE, 0, 0) + bytes(6))
    data = chunk(b"fdAT", struct.pack(">I", 1) + zlib.compress(bytes((SIZE[0] + 1) * SIZE[1])))
    assert_read_as(png(GREY, 8, GREY_TYPE, frames, control + data), GREY)
    assert_read_as(png(GREY, 8, GREY_TYPE, frames + control, data), GREY)


PLAIN = png(GREY, 8, GREY_TYPE)
BROKEN = {
    "a header with a wrong checksum": (PLAIN[:29] + b"1234" + PLAIN[33:], "bad header checksum"),
    "a palette with a wrong checksum": (
        png(GREY, 8, PALETTE_TYPE, chunk(b"PLTE", PALETTE.tobytes(), 1)),
        "bad header checksum",
    ),
    "a palette that is too long": (png(GREY, 8, PALETTE_TYPE, chunk(b"PLTE", bytes(771))), "771 bytes in PLTE"),
    "no palette": (png(GREY, 8, PALETTE_TYPE), "no palette"),
    "no header": (SIGNATURE + chunk(b"IDAT", b"") + chunk(b"IEND"), "no header"),
    "no pixels": (PLAIN[:33] + chunk(b"IEND"), "."),
    "half of the pixels": (PLAIN[: len(PLAIN) // 2], "truncated"),
    "a stream that is no zlib": (PLAIN[:33] + chunk(b"IDAT", b"x" * 500) + chunk(b"IEND"), "broken data stream"),
}


@pytest.mark.parametrize(("content", "reason"), list(BROKEN.values()), ids=list(BROKEN))
def test_damage_to_the_pixels_is_an_error(content, reason):
    assert_refused(content, reason)


def test_a_wrong_checksum_of_the_pixels_is_refused_by_the_check_of_an_upload():
    end = len(PLAIN) - 16
    with pytest.raises(ValueError, match="bad header checksum"):
        verify_picture(io.BytesIO(PLAIN[:end] + b"1234" + PLAIN[end + 4 :]))
