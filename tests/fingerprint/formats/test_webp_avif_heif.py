from __future__ import annotations

import io
import struct
from functools import partial

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps, features

from samples.pictures import encoded, photo
from tests.fingerprint.formats.table import (
    ALPHA,
    GREY,
    RGB,
    SIZE,
    Pixels,
    assert_read_as,
    by_opencv,
    named,
    on_white,
)

try:
    import pillow_heif
except ImportError:
    HAS_HEIF = False
else:
    HAS_HEIF = True
    pillow_heif.register_heif_opener()

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
needs_heif = pytest.mark.skipif(not HAS_HEIF, reason="pillow-heif is not installed")
RGBA = np.dstack([RGB, ALPHA])


def image_of(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels)


def turned(orientation: int) -> tuple[bytes, Pixels]:
    """Return an EXIF block, and the picture as it looks upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = image_of(RGB)
    upright.getexif()[0x0112] = orientation
    return exif.tobytes(), np.asarray(ImageOps.exif_transpose(upright))


# WebP

WEBP = {
    "lossy": partial(encoded, image_of(RGB), "WEBP", quality=90),
    "lossless": partial(encoded, image_of(RGB), "WEBP", lossless=True),
    "lossy, with alpha": partial(encoded, image_of(RGBA), "WEBP", quality=90),
    "lossless, with alpha": partial(encoded, image_of(RGBA), "WEBP", lossless=True, exact=True),
    "opaque alpha": partial(encoded, image_of(RGBA | np.uint8([0, 0, 0, 255])), "WEBP", lossless=True),
    "alpha of zero": partial(encoded, image_of(RGBA & np.uint8([255, 255, 255, 0])), "WEBP", lossless=True, exact=True),
    "grey": partial(encoded, image_of(GREY), "WEBP", lossless=True),
    "by imagecodecs": lambda: imagecodecs.webp_encode(RGB, lossless=True),
}


@pytest.mark.parametrize("variant", named(WEBP))
def test_webp_is_read_as_by_opencv(variant):
    assert_read_as(variant(), by_opencv(variant()), tolerance=2)


@pytest.mark.parametrize("variant", named(WEBP))
def test_webp_is_read_as_by_imagecodecs(variant):
    decoded = imagecodecs.webp_decode(variant())
    expected = on_white(decoded[..., :3], decoded[..., 3]) if decoded.shape[2] == 4 else decoded
    assert_read_as(variant(), expected, tolerance=2)


def test_the_first_frame_of_an_animated_webp_counts():
    content = encoded(image_of(RGB), "WEBP", save_all=True, append_images=[photo(5, SIZE)], lossless=True)
    assert_read_as(content, RGB)


def with_chunk(kind: bytes, body: bytes, flag: int, length: int | None = None) -> bytes:
    """Return a lossless WebP in the extended container, with a chunk of metadata after the pixels."""
    plain = encoded(image_of(RGB), "WEBP", lossless=True)
    size = struct.pack("<I", SIZE[0] - 1)[:3] + struct.pack("<I", SIZE[1] - 1)[:3]
    extended = b"VP8X" + struct.pack("<IB3x", 10, flag) + size
    extra = kind + struct.pack("<I", len(body) if length is None else length) + body + b"\0" * (len(body) % 2)
    body = b"WEBP" + extended + plain[12:] + extra
    return b"RIFF" + struct.pack("<I", len(body)) + body


EXIF_FLAG, XMP_FLAG, PROFILE_FLAG = 0x08, 0x04, 0x20
WEBP_DAMAGE = {
    "EXIF of no kind": (b"EXIF", b"no EXIF", EXIF_FLAG),
    "EXIF beyond the end": (b"EXIF", b"II*\0\xff\xff\xff\xff", EXIF_FLAG),
    "empty EXIF": (b"EXIF", b"", EXIF_FLAG),
    "EXIF that no flag declares": (b"EXIF", b"II*\0", 0),
    "a declared profile that is missing": (b"abcd", b"x", PROFILE_FLAG),
    "XMP in no encoding": (b"XMP ", b"\xff\xfe\0", XMP_FLAG),
    "an unknown chunk": (b"abcd", b"x" * 101, 0),
}


@pytest.mark.parametrize("damage", named(WEBP_DAMAGE))
def test_damaged_metadata_of_webp_is_ignored(damage):
    assert_read_as(with_chunk(*damage), RGB)


# AVIF


def avif(pixels: Pixels, **options) -> bytes:
    return imagecodecs.avif_encode(pixels, level=100, **options)


AVIF = {
    "lossless": lambda: avif(RGB),
    "grey": lambda: avif(GREY),
    "with alpha": lambda: avif(RGBA),
    "opaque alpha": lambda: avif(RGBA | np.uint8([0, 0, 0, 255])),
    "alpha of zero": lambda: avif(RGBA & np.uint8([255, 255, 255, 0])),
    "10 bits": lambda: avif(RGB.astype("u2") << 2, bitspersample=10),
    "12 bits": lambda: avif(RGB.astype("u2") << 4, bitspersample=12),
    "10 bits, grey": lambda: avif(GREY.astype("u2") << 2, bitspersample=10),
    "subsampling 4:2:0": partial(encoded, image_of(RGB), "AVIF", quality=95, subsampling="4:2:0"),
    "subsampling 4:2:2": partial(encoded, image_of(RGB), "AVIF", quality=95, subsampling="4:2:2"),
    "full range": partial(encoded, image_of(RGB), "AVIF", quality=100, range="full"),
    "limited range": partial(encoded, image_of(RGB), "AVIF", quality=100, range="limited"),
}


@needs_avif
@pytest.mark.parametrize("variant", named(AVIF))
def test_avif_is_read_as_by_imagecodecs(variant):
    content = variant()
    decoded = imagecodecs.avif_decode(content).astype(float)
    decoded *= 255 / {"10": 1023, "12": 4095}.get(
        next((name[:2] for name, case in AVIF.items() if case is variant), ""), 255
    )
    expected = on_white(decoded[..., :3], decoded[..., 3]) if decoded.ndim == 3 and decoded.shape[2] == 4 else decoded
    assert_read_as(content, expected, tolerance=3)


@needs_avif
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_avif_is_made_upright(orientation):
    exif, upright = turned(orientation)
    assert_read_as(encoded(image_of(RGB), "AVIF", quality=100, subsampling="4:4:4", exif=exif), upright, tolerance=6)


DESCRIPTION = 0x010E


def avif_with_exif() -> tuple[bytes, int, bytes]:
    """Return a picture with an EXIF block, the position of the block, and the block."""
    exif = Image.Exif()
    exif[DESCRIPTION] = "a photograph"
    content = encoded(image_of(RGB), "AVIF", quality=100, subsampling="4:4:4", exif=exif)
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    assert content.count(block) == 1
    return content, content.index(block), block


@needs_avif
@pytest.mark.parametrize("damage", [b"no EXIF at all", b"II*\0\xff\xff\xff\xff", b"\xff" * 20, b"\0" * 20], ids=repr)
def test_a_damaged_exif_block_of_avif_is_ignored(damage):
    content, start, block = avif_with_exif()
    damaged = damage.ljust(len(block), b"\0")
    assert_read_as(content[:start] + damaged + content[start + len(block) :], RGB, tolerance=6)


@needs_avif
@pytest.mark.parametrize("offset", [b"\0\0\0\7", b"\xff\xff\xff\xff"], ids=repr)
def test_a_wrong_exif_offset_of_avif_is_ignored(offset):
    content, start, _ = avif_with_exif()
    assert_read_as(content[: start - 4] + offset + content[start:], RGB, tolerance=6)


# HEIF: no package has another decoder, so the picture is compared with the encoded one.


def heif(pixels: Pixels, **options) -> bytes:
    return encoded(image_of(pixels), "HEIF", **{"quality": -1, "chroma": 444, "matrix_coefficients": 0, **options})


def heif_of_bits(bits: int) -> bytes:
    stored = (RGB.astype("<u2") << bits - 8).astype("<u2")
    container = pillow_heif.from_bytes(mode=f"RGB;{bits}", size=SIZE, data=stored.astype("<u2").tobytes())
    buffer = io.BytesIO()
    container.save(buffer, quality=-1, chroma=444)
    return buffer.getvalue()


@needs_heif
@pytest.mark.parametrize(
    ("write", "expected"),
    [
        pytest.param(partial(heif, RGB), RGB, id="colours"),
        pytest.param(partial(heif, RGBA), on_white(RGB, ALPHA), id="with alpha"),
        pytest.param(partial(heif, RGBA | np.uint8([0, 0, 0, 255])), RGB, id="opaque alpha"),
        pytest.param(partial(heif, RGBA & np.uint8([255, 255, 255, 0])), RGB | 255, id="alpha of zero"),
    ],
)
def test_heif_is_read(write, expected):
    assert_read_as(write(), expected, tolerance=4)


@needs_heif
@pytest.mark.parametrize("bits", [10, 12])
def test_heif_of_more_bits_is_read(bits):
    assert_read_as(heif_of_bits(bits), RGB, tolerance=6)


@needs_heif
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_heif_is_made_upright(orientation):
    exif, upright = turned(orientation)
    assert_read_as(heif(RGB, exif=exif), upright, tolerance=4)


@needs_heif
@pytest.mark.parametrize("damage", [b"no EXIF at all", b"II*\0\xff\xff\xff\xff", b"\xff" * 20, b"\0" * 20], ids=repr)
def test_a_damaged_exif_block_of_heif_is_ignored(damage):
    exif, _ = turned(1)
    content, block = heif(RGB, exif=exif), exif.removeprefix(b"Exif\0\0")
    assert content.count(block) == 1
    assert_read_as(content.replace(block, damage.ljust(len(block), b"\0")[: len(block)]), RGB, tolerance=4)
