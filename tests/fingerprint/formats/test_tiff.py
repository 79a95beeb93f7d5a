from __future__ import annotations

import cv2
import numpy as np
import pytest

from samples.pictures import encoded, photo
from tests.fingerprint.formats.table import (
    GREY,
    SIZE,
    assert_read_as,
    assert_refused,
    by_opencv,
)
from tests.fingerprint.formats.tiffs import INVERTED, ORDERS, by_tifffile, grey_in, packed, raw_tiff, tiff


def is_misread(byte_order: str, dtype: str, compression: str | None) -> bool:
    """Whether Pillow returns the bytes of these samples in the wrong order."""
    return byte_order == ">" and compression is not None and dtype in {"i2", "u4", "i4", "f4"}


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4"])
@pytest.mark.parametrize("byte_order", ORDERS)
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_every_kind_of_sample_is_read_by_its_tags(compression, byte_order, dtype, photometric):
    stored = grey_in(byte_order + dtype)
    content = tiff(stored, byte_order, photometric=photometric, compression=compression)
    assert np.array_equal(by_tifffile(content), stored)
    if is_misread(byte_order, dtype, compression):
        assert_refused(content, "TIFF with compressed big-endian samples")
    else:
        assert_read_as(content, GREY if photometric == "minisblack" else INVERTED)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4"])
@pytest.mark.parametrize("compression", ["zlib", "lzw"])
def test_predicted_samples_are_decoded(compression, dtype):
    assert_read_as(tiff(grey_in("<" + dtype), compression=compression, predictor=True), GREY)


@pytest.mark.parametrize("dtype", ["f2", "f8", "u8"])
def test_samples_unknown_to_pillow_are_refused(dtype):
    assert_refused(tiff(grey_in(dtype)), "TIFF: unknown pixel mode")


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_16_bits_are_read_as_by_opencv(photometric):
    content = tiff(grey_in("<u2"), photometric=photometric)
    # OpenCV returns the samples without interpreting them.
    expected = by_opencv(content)
    assert_read_as(content, expected if photometric == "minisblack" else 255 - expected)


@pytest.mark.parametrize("dtype", ["u2", "u4", "i2", "i4"])
def test_a_dark_picture_stays_dark(dtype):
    stored = grey_in("<" + dtype).astype(np.int64)
    dark = (stored.min() + (stored - stored.min()) // 16).astype("<" + dtype)
    assert_read_as(tiff(dark), GREY / 16)


MIN_SAMPLE, MAX_SAMPLE = 340, 341


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize(
    ("dtype", "smallest", "largest"),
    [
        ("<u2", 0, 4095),
        (">u2", 0, 1023),
        ("<u2", 1000, 3000),
        ("<i2", -1024, 3071),
        ("<u4", 0, 65535),
        ("<f4", -2.0, 2.0),
    ],
)
def test_the_smallest_and_largest_samples_are_black_and_white(dtype, smallest, largest, photometric):
    # In the picture itself, neither occurs.
    levels = 20 + GREY / 255 * 200
    stored = (smallest + levels / 255 * (largest - smallest)).astype(dtype)
    code = {"u2": 3, "i2": 8, "u4": 4, "f4": 11}[dtype[1:]]
    tags = [(MIN_SAMPLE, code, 1, smallest, True), (MAX_SAMPLE, code, 1, largest, True)]
    content = tiff(stored, dtype[0], photometric=photometric, extratags=tags)
    assert_read_as(content, levels if photometric == "minisblack" else 255 - levels, tolerance=2)


def test_floats_without_a_largest_sample_are_scaled_by_their_range():
    assert_read_as(tiff((GREY.astype("<f4") - 77) * 1e6), (GREY - float(GREY.min())) * 255 / np.ptp(GREY.astype(float)))


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("byte_order", ORDERS)
def test_fewer_bits_are_scaled(byte_order, bits, photometric):
    levels = GREY >> 8 - bits
    content = raw_tiff(packed(levels, bits), {258: bits, 259: 1, 262: photometric}, byte_order)
    assert np.array_equal(by_tifffile(content), levels)
    expected = levels * 255.0 / (2**bits - 1)
    assert_read_as(content, expected if photometric else 255 - expected)


@pytest.mark.parametrize("photometric", [0, 1])
def test_12_bits_are_scaled(photometric):
    levels = GREY.astype(int) * 4095 // 255
    content = raw_tiff(packed(levels, 12), {258: 12, 259: 1, 262: photometric})
    assert np.array_equal(by_tifffile(content), levels)
    assert_read_as(content, GREY if photometric else INVERTED)


def test_12_bits_in_big_endian_order_are_refused():
    assert_refused(raw_tiff(packed(GREY.astype(int) * 16, 12), {258: 12, 259: 1, 262: 1}, ">"), "unknown pixel mode")


def test_bits_in_reverse_order_are_read():
    levels = GREY >> 7
    reverse = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    content = raw_tiff(packed(levels, 1).translate(reverse), {258: 1, 259: 1, 262: 1, 266: 2})
    assert_read_as(content, levels * 255.0)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw", "packbits"])
def test_fax_pages_are_read(compression, photometric):
    page = photo(3, SIZE).convert("1")
    content = encoded(page, "TIFF", compression=compression, tiffinfo={262: 0 if photometric == "miniswhite" else 1})
    expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert_read_as(content, expected)
