from __future__ import annotations

import io
import struct
from functools import partial

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from hashing.fingerprint.decoding import read_picture, read_thumbnail
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

ORDERS = ["<", ">"]
COMPRESSIONS = [None, "zlib", "lzw", "packbits"]
INVERTED = 255 - GREY.astype(float)


def tiff(pixels: Pixels, byte_order: str = "<", bigtiff: bool = False, **options) -> bytes:
    buffer = io.BytesIO()
    options = {"photometric": "minisblack", "metadata": None, **options}
    with tifffile.TiffWriter(buffer, byteorder=byte_order, bigtiff=bigtiff) as writer:
        writer.write(pixels, **options)
    return buffer.getvalue()


def by_tifffile(content: bytes) -> Pixels:
    return tifffile.imread(io.BytesIO(content))


def grey_in(dtype: str) -> Pixels:
    """The grey picture over the full range of a type of numbers."""
    kind, size = dtype[-2], int(dtype[-1])
    if kind == "f":
        return (GREY / 255).astype(dtype)
    levels = GREY.astype(np.int64) * ((256**size - 1) // 255)
    return (levels - (256**size // 2 if kind == "i" else 0)).astype(dtype)


def is_misread(byte_order: str, dtype: str, compression: str | None) -> bool:
    """Pillow gives the bytes of such samples in the wrong order."""
    return byte_order == ">" and compression is not None and dtype in {"i2", "u4", "i4", "f4"}


# Samples


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4"])
@pytest.mark.parametrize("byte_order", ORDERS)
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_every_kind_of_sample_is_as_the_tags_say(compression, byte_order, dtype, photometric):
    stored = grey_in(byte_order + dtype)
    content = tiff(stored, byte_order, photometric=photometric, compression=compression)
    assert np.array_equal(by_tifffile(content), stored)
    if is_misread(byte_order, dtype, compression):
        assert_refused(content, "TIFF with compressed big-endian samples")
    else:
        assert_read_as(content, GREY if photometric == "minisblack" else INVERTED)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4"])
@pytest.mark.parametrize("compression", ["zlib", "lzw"])
def test_a_predictor_is_undone(compression, dtype):
    assert_read_as(tiff(grey_in("<" + dtype), compression=compression, predictor=True), GREY)


@pytest.mark.parametrize("dtype", ["f2", "f8", "u8"])
def test_samples_that_pillow_does_not_know_are_refused(dtype):
    assert_refused(tiff(grey_in(dtype)), "TIFF: unknown pixel mode")


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_16_bits_are_the_same_as_opencv_reads(photometric):
    content = tiff(grey_in("<u2"), photometric=photometric)
    # OpenCV gives the samples without their meaning.
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
def test_the_smallest_and_the_largest_sample_say_what_is_black_and_white(dtype, smallest, largest, photometric):
    # In the picture itself, neither occurs.
    levels = 20 + GREY / 255 * 200
    stored = (smallest + levels / 255 * (largest - smallest)).astype(dtype)
    code = {"u2": 3, "i2": 8, "u4": 4, "f4": 11}[dtype[1:]]
    tags = [(MIN_SAMPLE, code, 1, smallest, True), (MAX_SAMPLE, code, 1, largest, True)]
    content = tiff(stored, dtype[0], photometric=photometric, extratags=tags)
    assert_read_as(content, levels if photometric == "minisblack" else 255 - levels, tolerance=2)


def test_floats_without_a_largest_sample_are_scaled_by_their_range():
    assert_read_as(tiff((GREY.astype("<f4") - 77) * 1e6), (GREY - float(GREY.min())) * 255 / np.ptp(GREY.astype(float)))


def raw_tiff(rows: bytes, tags: dict[int, int | tuple[int, ...]], byte_order: str = "<") -> bytes:
    """A TIFF file of one strip, with tags of short numbers as given."""
    width, height = SIZE
    entries = {256: width, 257: height, 273: 8, 277: 1, 278: height, 279: len(rows)} | tags
    body, end = bytearray(), 8 + len(rows)
    values = bytearray()
    end += 2 + 12 * len(entries) + 4
    for tag, value in sorted(entries.items()):
        numbers = value if isinstance(value, tuple) else (value,)
        field = struct.pack(f"{byte_order}{len(numbers)}H", *numbers)
        if len(field) > 4:
            values += field
            field = struct.pack(f"{byte_order}I", end + len(values) - len(field))
        body += struct.pack(f"{byte_order}HHI", tag, 3, len(numbers)) + field.ljust(4, b"\0")
    header = (b"II*\0" if byte_order == "<" else b"MM\0*") + struct.pack(f"{byte_order}I", 8 + len(rows))
    return header + rows + struct.pack(f"{byte_order}H", len(entries)) + body + b"\0\0\0\0" + values


def packed(levels: Pixels, bits: int) -> bytes:
    binary = (levels[..., None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)
    return np.packbits(binary.reshape(len(levels), -1), axis=1).tobytes()


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


# Colours


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


@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha"])
def test_grey_with_alpha_is_put_on_white(extra):
    grey = GREY if extra == "unassalpha" else np.rint(GREY / 255 * ALPHA).astype("u1")
    content = tiff(np.dstack([grey, ALPHA]), extrasamples=[extra], planarconfig="contig")
    assert_read_as(content, on_white(GREY, ALPHA), tolerance=3)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_an_extra_sample_of_no_meaning_is_no_alpha(compression, count):
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
def test_a_fourth_sample_that_no_tag_explains_may_be_unused(level):
    stored = np.dstack([RGB, np.full_like(ALPHA, level)])
    content = raw_tiff(stored.tobytes(), {258: (8, 8, 8, 8), 259: 1, 262: 2, 277: 4})
    assert_read_as(content, RGB)


def test_declared_alpha_that_is_zero_everywhere_is_transparent():
    content = tiff(with_alpha("u1", ALPHA * 0), photometric="rgb", extrasamples=["unassalpha"])
    assert_read_as(content, np.full_like(RGB, 255))


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
    """A page with one more tag, whose entry is as given."""
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


def test_a_next_page_that_does_not_exist_is_ignored():
    content = bytearray(raw_tiff(GREY.tobytes(), {258: 8, 259: 1, 262: 1}))
    content[-4:] = BEYOND
    assert_read_as(bytes(content), GREY)
