from __future__ import annotations

import io
import struct
from functools import partial

import numpy as np
import pytest
import tifffile

from hashing.fingerprint.decoding import read_picture
from tests.fingerprint.formats.table import (
    GREY,
    RGB,
    assert_read_as,
    assert_refused,
    by_opencv,
    named,
)
from tests.fingerprint.formats.tiffs import INVERTED, grey_in, raw_tiff, tiff

# Pages, orientation, containers


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_the_first_page_counts(compression):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page in (GREY, np.dstack([GREY] * 3), GREY.T.copy()):
            writer.write(page, compression=compression, photometric="rgb" if page.ndim == 3 else "minisblack")
    assert_read_as(buffer.getvalue(), GREY)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_turned_page_is_made_upright(compression, orientation):
    content = tiff(RGB, photometric="rgb", compression=compression, extratags=[(274, 3, 1, orientation, True)])
    assert_read_as(content, by_opencv(content))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_bigtiff_is_read(compression):
    assert_read_as(tiff(grey_in("<u2"), bigtiff=True, compression=compression, photometric="miniswhite"), INVERTED)


def test_bigtiff_in_big_endian_order_is_refused():
    assert_refused(tiff(GREY, ">", bigtiff=True), "64-bit offsets in big-endian order")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_file_on_disk_is_read_as_in_memory(compression, tmp_path):
    path = tmp_path / "page.tif"
    path.write_bytes(tiff(grey_in("<u2"), compression=compression))
    with path.open("rb") as file:
        assert np.abs(np.asarray(read_picture(file).grey).astype(int) - GREY).max() <= 1


# Damaged metadata


def damaged(tag: int, value_type: int, count: int, field: bytes) -> bytes:
    """Return a page with a further tag, whose entry is given."""
    marker = 65000
    content = tiff(RGB, photometric="rgb", extratags=[(marker, 3, 1, 0, True)])
    place = content.index(struct.pack("<HHI", marker, 3, 1))
    return content[:place] + struct.pack("<HHI4s", tag, value_type, count, field) + content[place + 12 :]


BEYOND = struct.pack("<I", 0x7FFFFFF0)
DAMAGE = {
    "EXIF beyond the end": partial(damaged, 34665, 4, 1, BEYOND),
    "EXIF as a text": partial(damaged, 34665, 2, 4, b"abc\0"),
    "EXIF that points to itself": partial(damaged, 34665, 13, 1, struct.pack("<I", 8)),
    "GPS beyond the end": partial(damaged, 34853, 4, 1, BEYOND),
    "colour profile beyond the end": partial(damaged, 34675, 7, 1 << 20, BEYOND),
    "colour profile as numbers": partial(damaged, 34675, 3, 2, b"\1\0\2\0"),
    "XMP as numbers": partial(damaged, 700, 3, 2, b"\1\0\2\0"),
    "Photoshop as numbers": partial(damaged, 34377, 4, 1, b"\1\0\2\0"),
    "private tag of an unknown type": partial(damaged, 65001, 99, 5, BEYOND),
    "private tag of enormous length": partial(damaged, 65001, 12, 0xFFFFFFFF, BEYOND),
}


@pytest.mark.parametrize("damage", named(DAMAGE))
def test_damaged_metadata_is_ignored(damage):
    assert_read_as(damage(), RGB)


@pytest.mark.parametrize(
    "resolution", [(2, 4, b"abc\0"), (3, 2, b"\1\0\2\0"), (5, 1, BEYOND)], ids=["text", "two", "beyond"]
)
def test_a_damaged_resolution_is_ignored(resolution):
    content = tiff(RGB, photometric="rgb", resolution=(72, 72), resolutionunit=3)
    place = content.index(struct.pack("<HHI", 282, 5, 1))
    value_type, count, field = resolution
    assert_read_as(content[:place] + struct.pack("<HHI4s", 282, value_type, count, field) + content[place + 12 :], RGB)


def test_a_missing_next_page_is_ignored():
    content = bytearray(raw_tiff(GREY.tobytes(), {258: 8, 259: 1, 262: 1}))
    content[-4:] = BEYOND
    assert_read_as(bytes(content), GREY)
