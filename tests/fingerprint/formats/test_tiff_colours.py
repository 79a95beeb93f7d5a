from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from hashing.fingerprint.decoding import read_picture, read_thumbnail
from samples.pictures import encoded, photo
from tests.fingerprint.files import FROM_PILLOW_13
from tests.fingerprint.formats.table import (
    ALPHA,
    GREY,
    RGB,
    SIZE,
    Pixels,
    assert_read_as,
    assert_refused,
    by_opencv,
    on_white,
)
from tests.fingerprint.formats.tiffs import ORDERS, by_tifffile, packed, raw_tiff, tiff


@pytest.mark.parametrize("tile", [None, (16, 16)], ids=["strips", "tiles"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("byte_order", ORDERS)
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_colours_are_read(compression, byte_order, dtype, planar, tile):
    stored = (RGB.astype("u2") * (257 if dtype == "u2" else 1)).astype(byte_order + dtype)
    if planar == "separate":
        stored = np.ascontiguousarray(np.moveaxis(stored, 2, 0))
    options = {"photometric": "rgb", "planarconfig": planar, "tile": tile, "compression": compression}
    content = tiff(stored, byte_order, **options)
    if compression is None and planar == "separate" and dtype == "u2":
        assert_refused(content, "uncompressed separate planes")
        return
    decoded = by_tifffile(content) if planar == "contig" else np.moveaxis(by_tifffile(content), 0, 2)
    assert_read_as(content, decoded / (257 if dtype == "u2" else 1))


def palette_16(scale: int) -> Pixels:
    return (np.asarray([[level, 255 - level, level // 2] for level in range(256)]).T * scale).astype("u2")


@pytest.mark.parametrize("scale", [1, 257], ids=["written in 8 bits", "16 bits"])
@pytest.mark.parametrize("byte_order", ORDERS)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_palette_is_looked_up(compression, byte_order, scale):
    content = tiff(GREY, byte_order, photometric="palette", colormap=palette_16(scale), compression=compression)
    assert_read_as(content, palette_16(1).T[GREY])
    assert_read_as(content, by_opencv(content))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_small_palette_is_looked_up(bits):
    levels, palette = GREY >> 8 - bits, palette_16(1)[:, :: 256 >> bits]
    content = raw_tiff(
        packed(levels, bits), {258: bits, 259: 1, 262: 3, 320: tuple(int(v) * 257 for v in palette.ravel())}
    )
    assert_read_as(content, palette.T[levels])


CMYK = np.asarray(photo(3, SIZE).convert("CMYK"))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_printing_inks_are_read(compression, dtype, planar):
    inks = CMYK.copy()
    inks[..., 3] = 255 - np.asarray(photo(5, SIZE).convert("L")) // 2
    stored = (inks.astype("u2") * (257 if dtype == "u2" else 1)).astype("<" + dtype)
    if planar == "separate":
        stored = np.ascontiguousarray(np.moveaxis(stored, 2, 0))
    content = tiff(stored, photometric="separated", planarconfig=planar, compression=compression)
    if compression is None and planar == "separate" and dtype == "u2":
        assert_refused(content, "uncompressed separate planes")
    else:
        assert_read_as(content, (255.0 - inks[..., :3]) * (255 - inks[..., 3:]) / 255, tolerance=2)


def lab() -> tuple[Pixels, Pixels]:
    """L, a and b as 8-bit numbers (a and b from 0, with 128 as neutral), and the colours they stand for."""
    stored = cv2.cvtColor(np.ascontiguousarray(RGB), cv2.COLOR_RGB2LAB)
    return stored, RGB


@pytest.mark.parametrize("photometric", [8, 9], ids=["CIE", "ICC"])
@pytest.mark.parametrize("byte_order", ORDERS)
def test_lab_is_read(byte_order, photometric):
    stored, colours = lab()
    if photometric == 8:
        stored = stored ^ np.uint8([0, 128, 128])
    tags = {258: (8, 8, 8), 259: 1, 262: photometric, 277: 3}
    content = raw_tiff(stored.tobytes(), tags, byte_order)
    picture = read_picture(io.BytesIO(content))
    assert np.array_equal(np.asarray(picture.grey), stored[..., 0])
    shown = np.asarray(read_thumbnail(io.BytesIO(content), 48)).astype(float)
    assert np.abs(shown - colours).mean() < 6


def test_lab_of_16_bits_is_refused():
    content = raw_tiff(lab()[0].astype("<u2").tobytes(), {258: (16, 16, 16), 259: 1, 262: 8, 277: 3})
    assert_refused(content, "unknown pixel mode")


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2), (2, 1)])
def test_jpeg_compressed_ycbcr_is_read(subsampling):
    content = tiff(RGB, photometric="rgb", compression="jpeg", compressionargs={"level": 95, "subsampling": None})
    assert_read_as(content, by_opencv(content), tolerance=4)
    content = tiff(
        np.asarray(Image.fromarray(RGB)),
        photometric="ycbcr",
        compression="jpeg",
        subsampling=subsampling,
        compressionargs={"level": 95},
        tile=(16, 16),
    )
    assert_read_as(content, by_opencv(content), tolerance=30 if subsampling != (1, 1) else 4)


@FROM_PILLOW_13
def test_uncompressed_ycbcr_is_read():
    assert_read_as(encoded(Image.fromarray(RGB).convert("YCbCr"), "TIFF"), RGB, tolerance=4)


@pytest.mark.parametrize("subsampling", [None, (2, 2), (2, 1)], ids=str)
def test_uncompressed_subsampled_ycbcr_is_refused(subsampling):
    rows = bytes(SIZE[0] * SIZE[1] * 3)
    tags = {258: (8, 8, 8), 259: 1, 262: 6, 277: 3} | ({530: subsampling} if subsampling else {})
    assert_refused(raw_tiff(rows, tags), "uncompressed subsampled YCbCr")


def test_grey_jpeg_in_tiff_is_read():
    content = tiff(GREY, compression="jpeg", compressionargs={"level": 95})
    assert_read_as(content, by_opencv(content))


# Alpha


def with_alpha(dtype: str, alpha: Pixels) -> Pixels:
    scale = 257 if dtype == "u2" else 1
    return (np.dstack([RGB, alpha]).astype("u2") * scale).astype("<" + dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_unassociated_alpha_is_put_on_white(compression, dtype):
    content = tiff(with_alpha(dtype, ALPHA), photometric="rgb", extrasamples=["unassalpha"], compression=compression)
    assert_read_as(content, on_white(RGB, ALPHA), tolerance=2)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_associated_alpha_is_put_on_white(compression, dtype):
    stored = with_alpha(dtype, ALPHA)
    stored[..., :3] = np.rint(RGB / 255 * stored[..., 3:])
    content = tiff(stored, photometric="rgb", extrasamples=["assocalpha"], compression=compression)
    assert_read_as(content, on_white(RGB, ALPHA), tolerance=3)


@pytest.mark.parametrize("extra", ["unassalpha", pytest.param("assocalpha", marks=FROM_PILLOW_13)])
def test_grey_with_alpha_is_put_on_white(extra):
    grey = GREY if extra == "unassalpha" else np.rint(GREY / 255 * ALPHA).astype("u1")
    content = tiff(np.dstack([grey, ALPHA]), extrasamples=[extra], planarconfig="contig")
    assert_read_as(content, on_white(GREY, ALPHA), tolerance=3)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_an_extra_sample_without_meaning_is_not_alpha(compression, count):
    stored = np.dstack([RGB, *([ALPHA] * count)])
    content = tiff(stored, photometric="rgb", extrasamples=["unspecified"] * count, compression=compression)
    assert_read_as(content, RGB)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_separate_planes_of_alpha_are_put_on_white(compression):
    stored = np.ascontiguousarray(np.moveaxis(with_alpha("u1", ALPHA), 2, 0))
    content = tiff(
        stored, photometric="rgb", planarconfig="separate", extrasamples=["unassalpha"], compression=compression
    )
    assert_read_as(content, on_white(RGB, ALPHA), tolerance=2)


@pytest.mark.parametrize("level", [0, 255])
def test_an_undeclared_fourth_sample_may_be_unused(level):
    stored = np.dstack([RGB, np.full_like(ALPHA, level)])
    content = raw_tiff(stored.tobytes(), {258: (8, 8, 8, 8), 259: 1, 262: 2, 277: 4})
    assert_read_as(content, RGB)


def test_declared_alpha_that_is_zero_everywhere_is_transparent():
    content = tiff(with_alpha("u1", ALPHA * 0), photometric="rgb", extrasamples=["unassalpha"])
    assert_read_as(content, np.full_like(RGB, 255))
