from __future__ import annotations

import struct
from functools import partial

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from hashing.perceptual_hash import compute_perceptual_hash
from samples.pictures import encoded, photo
from tests.fingerprint.formats.table import (
    ALPHA,
    GREY,
    RGB,
    Pixels,
    assert_read_as,
    assert_refused,
    by_opencv,
    named,
    on_white,
)


def jp2(pixels: Pixels, **options) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels, reversible=True, **{"level": 0, "codecformat": "jp2", **options})


def in_bits(pixels: Pixels, bits: int) -> Pixels:
    return np.rint(pixels.astype(float) * ((1 << bits) - 1) / 255).astype("u1" if bits <= 8 else "u2")


# Neither black nor white in any channel.
MUTED = RGB // 2 + 60
SIGNED = (GREY.astype(int) - 128).astype("i1")
VARIANTS = {
    "grey": (partial(jp2, GREY), GREY),
    "colours": (partial(jp2, RGB), RGB),
    "colours, codestream alone": (partial(jp2, RGB, codecformat="j2k"), RGB),
    "colours, in tiles": (partial(encoded, Image.fromarray(RGB), "JPEG2000", tile_size=(16, 16)), RGB),
    "16 bits, grey": (partial(jp2, GREY.astype("u2") * 257), GREY),
    "16 bits, colours": (partial(jp2, MUTED.astype("u2") * 257), MUTED),
    "12 bits, grey": (partial(jp2, in_bits(GREY, 12), bitspersample=12), GREY),
    "12 bits, colours": (partial(jp2, in_bits(MUTED, 12), bitspersample=12), MUTED),
    "10 bits, grey, codestream alone": (partial(jp2, in_bits(GREY, 10), bitspersample=10, codecformat="j2k"), GREY),
    "4 bits, grey": (partial(jp2, in_bits(GREY, 4), bitspersample=4), in_bits(GREY, 4) * 17.0),
    "1 bit, grey": (partial(jp2, in_bits(GREY, 1), bitspersample=1), in_bits(GREY, 1) * 255.0),
    "signed, grey": (partial(jp2, SIGNED), GREY),
    "signed, 16 bits, grey": (partial(jp2, (SIGNED.astype("i2") * 256)), GREY * (256 / 257)),
    "grey and alpha": (
        lambda: encoded(Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)]), "JPEG2000"),
        on_white(GREY, ALPHA),
    ),
    "colours and alpha": (partial(jp2, np.dstack([RGB, ALPHA])), on_white(RGB, ALPHA)),
    "colours and opaque alpha": (partial(jp2, np.dstack([RGB, ALPHA | 255])), RGB),
}


@pytest.mark.parametrize("variant", named(VARIANTS))
def test_pixels_are_read_as_written(variant):
    write, expected = variant
    assert_read_as(write(), expected, tolerance=2)


@pytest.mark.parametrize(("bits", "pixels"), [(16, RGB), (12, RGB), (9, GREY), (16, np.dstack([MUTED, ALPHA | 255]))])
def test_deep_colours_with_black_or_white_are_refused(bits, pixels):
    # Pillow returns 0 for both.
    assert_refused(jp2(in_bits(pixels, bits), bitspersample=bits), f"JPEG 2000 of {bits} bits")


@pytest.mark.parametrize("bits", [2, 4])
def test_a_palette_is_looked_up(bits):
    colours = np.asarray([[level, 255 - level, level // 2] for level in range(0, 256, 256 >> bits)], dtype=np.uint8)
    indexes = GREY >> 8 - bits
    grey_space, colour_space = b"colr\1\0\0\0\0\0\x11", b"colr\1\0\0\0\0\0\x10"
    plain = jp2(indexes, bitspersample=bits).replace(grey_space, colour_space)
    start = plain.index(b"jp2h") - 4
    length = int.from_bytes(plain[start : start + 4])
    entries = struct.pack(">HB3B", len(colours), 3, 7, 7, 7) + colours.tobytes()
    mapping = b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3))
    added = box(b"pclr", entries) + box(b"cmap", mapping)
    header = struct.pack(">I", length + len(added)) + plain[start + 4 : start + length] + added
    assert_read_as(plain[:start] + header + plain[start + length :], colours[indexes])


@pytest.mark.parametrize("name", ["grey", "colours", "16 bits, grey", "16 bits, colours", "colours and alpha"])
def test_pixels_are_read_as_by_opencv(name):
    content = VARIANTS[name][0]()
    assert_read_as(content, by_opencv(content), tolerance=2)


def test_lossy_colours_are_read():
    content = encoded(Image.fromarray(RGB), "JPEG2000", quality_mode="rates", quality_layers=[8], irreversible=True)
    assert_read_as(content, by_opencv(content), tolerance=3)


PLAIN = jp2(RGB)


def box(kind: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(body) if length is None else length, kind) + body


BOXES = {
    "an empty XML box": box(b"xml "),
    "an XML box that is none": box(b"xml ", b"<no"),
    "a short UUID box": box(b"uuid", b"x"),
    "an EXIF block of no kind": box(b"uuid", b"JpgTiffExif->JP2" + b"no EXIF"),
    "a GeoTIFF block of no kind": box(
        b"uuid", bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03") + b"II*\0\xff\xff\xff\xff"
    ),
    "an unknown box": box(b"abcd", b"x" * 500),
    "intellectual property": box(b"jp2i", b"\xff"),
    "a short list of UUIDs": box(b"uinf", box(b"ulst", b"\xff")),
}


@pytest.mark.parametrize("damage", named(BOXES))
@pytest.mark.parametrize("place", [b"jp2h", b"jp2c"])
def test_odd_boxes_are_ignored(place, damage):
    start = PLAIN.index(place) - 4
    assert_read_as(PLAIN[:start] + damage + PLAIN[start:], RGB)


@pytest.mark.parametrize("damage", named(BOXES))
def test_odd_boxes_behind_the_pixels_are_ignored(damage):
    assert_read_as(PLAIN + damage, RGB)


def test_a_damaged_resolution_is_ignored():
    start = PLAIN.index(b"jp2h") - 4
    length = int.from_bytes(PLAIN[start : start + 4])
    resolution = box(b"res ", box(b"resc", bytes(10)))
    header = struct.pack(">I", length + len(resolution)) + PLAIN[start + 4 : start + length] + resolution
    assert_read_as(PLAIN[:start] + header + PLAIN[start + length :], RGB)


@pytest.mark.parametrize("cut", [20, 60, 200])
def test_a_truncated_header_is_refused(cut):
    assert_refused(PLAIN[:cut], ".")


def test_a_box_that_is_longer_than_the_file_is_refused(tmp_path):
    content = bytearray(encoded(photo(size=(32, 24)), "JPEG2000"))
    start = content.index(b"jp2h") - 4
    content[start : start + 4] = (0xFFFFFFF0).to_bytes(4, "big")
    path = tmp_path / "long.jp2"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="longer than the file"):
        compute_perceptual_hash(path)
