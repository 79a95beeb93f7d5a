from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from hashing.fingerprint.cost import MAX_PNG_CHUNKS, check_cost, count_scans, webp_canvas
from hashing.fingerprint.limits import DecodingLimit, DecodingLimits
from samples.hostile_files import baseline_jpeg, plain_ppm, png, progressive_jpeg
from samples.pictures import encoded, photo

LIMITS = DecodingLimits(max_memory=256 << 20, max_decoded_pixels=64_000_000)


def cost_of(content: bytes, limits: DecodingLimits = LIMITS) -> str:
    """Return why the file is too expensive; empty if it is not."""
    file = io.BytesIO(content)
    try:
        check_cost(file, limits)
    except DecodingLimit as error:
        return str(error)
    assert file.tell() == 0
    return ""


def with_comment(ppm: bytes, size: int) -> bytes:
    return ppm[:3] + b"#" + b"c" * size + b"\n" + ppm[3:]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png(13300, 13300), "13300 x 13300 pixels, more than 64,000,000"),
        (png(64_000_001, 1, mode="L"), "64000001 x 1 pixels, more than 64,000,000"),
        (png(20_000_000, 1, mode="L"), "needs 431 MB of memory, more than 256 MB"),
        (png(7000, 7000), "needs 330 MB of memory, more than 256 MB"),
        (png(10, 10, chunks=MAX_PNG_CHUNKS), "a PNG of more than 100,000 chunks"),
        (progressive_jpeg(1500, 900), r"a JPEG of 1500 x 1500 pixels in 9\d\d scans"),
        (plain_ppm(500_000), r"a plain \(ASCII\) PPM of more than 2 MB"),
        (with_comment(encoded(photo(), "PPM"), 100_000), "a PPM whose comments are longer than 65,536 bytes"),
    ],
    ids=["pixels", "thin", "rows", "memory", "chunks", "scans", "plain", "comment"],
)
def test_an_expensive_file_is_refused(content, reason):
    with pytest.raises(DecodingLimit, match=reason):
        check_cost(io.BytesIO(content), LIMITS)


def test_a_canvas_that_webp_would_allocate_at_once_is_refused():
    header = b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xff\x3f\0" * 2
    assert cost_of(header).startswith("needs 4,352 MB of memory")


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}])
def test_the_canvas_of_a_webp_is_read_from_its_header(options):
    content = encoded(photo(size=(161, 119)), "WEBP", **options)
    assert webp_canvas(content[:30]) == (161, 119)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "JPEG2000", "AVIF", "PPM"])
def test_an_ordinary_picture_is_cheap(image_format):
    assert cost_of(encoded(photo(), image_format)) == ""


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
@pytest.mark.parametrize("comment", [0, 1000])
def test_a_ppm_with_a_short_comment_is_cheap(mode, comment):
    assert cost_of(with_comment(encoded(photo(size=(400, 400)).convert(mode), "PPM"), comment)) == ""


def test_a_jpeg_of_a_telephone_is_cheap_because_it_is_decoded_at_a_reduced_scale():
    assert cost_of(baseline_jpeg(16320, 12240)) == ""


def test_a_picture_of_millions_of_rows_is_cheap_to_hash_in_a_page():
    assert cost_of(png(1, 4_000_000)) == ""


def test_a_thumbnail_in_a_jpeg_is_no_scan():
    thumbnail = encoded(photo(size=(16, 16)), "JPEG")
    exif = Image.Exif()
    exif[270] = "x"
    plain = encoded(photo(), "JPEG", exif=exif)
    content = plain[:2] + b"\xff\xe5" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + plain[2:]
    assert count_scans(io.BytesIO(content)) == 1
    # A second picture after the end of the first one, as telephones write it.
    assert count_scans(io.BytesIO(content + plain)) == 1


@pytest.mark.parametrize("size", [1, 2, 3])
def test_scans_are_counted_across_the_blocks_that_are_read(monkeypatch, size):
    content = encoded(photo(size=(32, 32)), "JPEG", progressive=True)
    whole = count_scans(io.BytesIO(content))
    monkeypatch.setattr("hashing.fingerprint.cost.READ_SIZE", size)
    assert count_scans(io.BytesIO(content)) == whole > 3


def test_the_coefficients_of_a_progressive_jpeg_count_as_memory():
    content = progressive_jpeg(1000, 0)
    assert cost_of(content, LIMITS._replace(max_memory=3 << 20)) == ""
    assert cost_of(content, LIMITS._replace(max_memory=1 << 20)).startswith("needs 2 MB")
    assert cost_of(baseline_jpeg(1000, 1000), LIMITS._replace(max_memory=1 << 20)) == ""


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"P6 ", b"RIFF\0\0\0\0WEBP", b"\xff\xd8\xff\xda"]
)
def test_a_broken_file_is_left_to_the_decoder(content):
    assert cost_of(content) == ""
