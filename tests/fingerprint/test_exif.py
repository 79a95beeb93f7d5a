from __future__ import annotations

import io
import struct
from datetime import datetime, timedelta, timezone

import pytest
from PIL import ExifTags, Image, features

from hashing.fingerprint.exif import ExifSummary, summarize_exif
from hashing.fingerprint.opening import open_image
from samples.pictures import photo

TAKEN = datetime.fromisoformat("2019-05-01T10:30:05")
MAKE, MODEL, ORIENTATION = ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Orientation
DATE, OFFSET = ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal


def exif_block(date: str = "2019:05:01 10:30:05", offset: str | None = None) -> bytes:
    exif = Image.Exif()
    exif.update({MAKE: "Maker", MODEL: "One", ORIENTATION: 1})
    exif.get_ifd(ExifTags.IFD.Exif)[DATE] = date
    if offset is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[OFFSET] = offset
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (50.0, 1.0, 2.0)})
    return exif.tobytes()


def summary(image_format: str = "JPEG", exif: bytes | None = None, **options) -> ExifSummary:
    file = io.BytesIO()
    photo(size=(96, 72)).save(file, image_format, **({} if exif is None else {"exif": exif}), **options)
    with open_image(file) as image:
        return summarize_exif(image)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "MPO"])
def test_tags_of_all_directories_are_counted_except_those_about_the_pixels(image_format):
    assert summary(image_format, exif_block()) == ExifSummary(5, TAKEN)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_exif_of_avif_is_read():
    assert summary("AVIF", exif_block()) == ExifSummary(5, TAKEN)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_a_file_without_exif_has_no_tags(image_format):
    assert summary(image_format) == ExifSummary(0, None)


def test_resolution_and_colour_profile_do_not_count():
    options = {"dpi": (300, 300), "icc_profile": b"profile"}
    assert [summary(image_format, **options).tag_count for image_format in ("JPEG", "TIFF")] == [0, 0]


@pytest.mark.parametrize(
    ("offset", "zone"),
    [
        ("+02:00", timezone(timedelta(hours=2))),
        ("-03:30", timezone(-timedelta(hours=3, minutes=30))),
        ("+99:00", None),
        ("   :  ", None),
    ],
)
def test_time_zone_is_kept_if_it_is_valid(offset, zone):
    taken_at = summary(exif=exif_block(offset=offset)).taken_at
    assert (taken_at, taken_at.tzinfo) == (TAKEN.replace(tzinfo=zone), zone)


@pytest.mark.parametrize(
    "date",
    [
        "0000:00:00 00:00:00",
        "0001:01:01 00:00:00",
        "9999:12:31 23:59:59",
        "2019:13:01 10:00:00",
        "2019:02:29 10:00:00",
        "    :  :     :  :  ",
        "yesterday",
        "",
        "2019:05:01 10:30:05" + 100 * "0",
    ],
)
def test_invalid_dates_are_none(date):
    assert summary(exif=exif_block(date)).taken_at is None


@pytest.mark.parametrize("separated", ["2019-05-01 10:30:05", "2019/05/01T10:30:05"])
def test_other_separators_are_read(separated):
    assert summary(exif=exif_block(separated)).taken_at == TAKEN


def tag(number: int, kind: int, length: int, value: int) -> bytes:
    return struct.pack("<HHII", number, kind, length, value)


def block(*tags: bytes, count: int | None = None) -> bytes:
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags) if count is None else count) + b"".join(tags) + bytes(4)


DAMAGED = {
    "no directory": b"Exif\0\0II*\0\xff\xff\xff\x7f",
    "not a block": b"Exif\0\0nothing",
    "empty": b"Exif\0\0",
    "more tags announced": block(tag(271, 2, 2, 0), count=60_000),
    "pointer to itself": block(tag(34665, 4, 1, 8)),
    "pointer outside": block(tag(34665, 4, 1, 2**32 - 1)),
    "pointer that is a text": block(tag(34665, 2, 1, 8)),
    "date outside": block(tag(34665, 4, 1, 26), tag(0x9003, 2, 20, 2**32 - 1)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_parts_count_as_missing(content):
    assert summary("JPEG", content).taken_at is None


@pytest.mark.filterwarnings("ignore")
def test_a_long_list_of_overlapping_values_is_not_read():
    # Each of them claims the whole block: reading all would take gigabytes.
    tags = [tag(50_000 + number, 7, 60_000, 0) for number in range(5000)]
    assert summary("JPEG", block(*tags)).tag_count == 5000
