from __future__ import annotations

import io
import re
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from PIL import Image

from hashing.fingerprint.formats.tiff import PIXEL_TAGS, FirstPage
from hashing.fingerprint.formats.tiff_directory import Directory, read_directory

HEADER = b"Exif\0\0"
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY = 34665, 34853, 40965
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL = 0x9003, 0x9011
RESOLUTION_TAGS = (282, 283, 296)
# Of the page in a TIFF file: its kind and number, its colours, and blocks of XMP, IPTC, Photoshop and ICC.
PAGE_TAGS = (254, 255, 297, 301, 318, 319, 700, 33723, 34377, 34675)
# The position of colours, the orientation, and in the EXIF directory its versions, the colour space and the size.
ENCODING_TAGS = (531, 274, 36864, 37121, 40960, 40961, 40962, 40963)
# These say how the picture is stored, and any program that saves it writes some of them.
UNCOUNTED = {
    *PIXEL_TAGS,
    *RESOLUTION_TAGS,
    *PAGE_TAGS,
    *ENCODING_TAGS,
    *(EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY),
}
MAX_TEXT_LENGTH = 64
DATE = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
OFFSET = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)
# Of the first photograph. Cameras without a clock write the year 0 or 1.
FIRST_YEAR, LAST_YEAR = 1826, 9998


class ExifSummary(NamedTuple):
    """What is kept of EXIF data. Tags about how pixels are stored do not count; `taken_at` may have a time zone."""

    tag_count: int = 0
    taken_at: datetime | None = None


def summarize_exif(image: Image.Image) -> ExifSummary:
    """Read the EXIF data of an open image. Damaged parts count as missing.

    Not with Pillow, which decodes all tags, and takes unlimited time and memory for some damaged ones.
    """
    main = main_directory(image)
    if main is None:
        return ExifSummary()
    found = [main.subdirectory(EXIF_DIRECTORY), main.subdirectory(GPS_DIRECTORY)]
    directories = [main, *(directory for directory in found if directory)]
    return ExifSummary(
        tag_count=sum(len(directory.entries.keys() - UNCOUNTED) for directory in directories),
        taken_at=found[0] and date_taken(found[0]),
    )


def main_directory(image: Image.Image) -> Directory | None:
    if isinstance(image, FirstPage):
        return image.directory
    block = image.info.get("exif")
    if not isinstance(block, bytes):
        return None
    try:
        return read_directory(io.BytesIO(block.removeprefix(HEADER)))
    except SyntaxError:
        return None


def date_taken(directory: Directory) -> datetime | None:
    match = DATE.match(directory.text(DATE_TIME_ORIGINAL, MAX_TEXT_LENGTH))
    if not match:
        return None
    year, month, day, hour, minute, second = (int(number) for number in match.groups())
    zone = time_zone(directory.text(OFFSET_TIME_ORIGINAL, MAX_TEXT_LENGTH))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    # A month 13, or a year 0.
    except ValueError:
        return None
    return moment if FIRST_YEAR <= year <= LAST_YEAR else None


def time_zone(text: str) -> timezone | None:
    match = OFFSET.match(text)
    if not match:
        return None
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if offset >= timedelta(days=1):
        return None
    return timezone(-offset if sign == "-" else offset)
