from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from PIL import Image

from hashing.fingerprint.exif import summarize_exif
from hashing.fingerprint.jpeg_quality import jpeg_quality


class FileDetails(NamedTuple):
    """What distinguishes files with the same picture. The names are those of the columns of `ImageAsset`.

    `jpeg_quality` is 1 to 100, or None for other formats. `taken_at` has a time zone only if the file says which.
    """

    file_format: str
    jpeg_quality: int | None
    is_transparent: bool
    exif_count: int
    taken_at: datetime | None


def details_of(image: Image.Image, *, is_transparent: bool) -> FileDetails:
    """Return the details of an open image. Damaged metadata count as missing."""
    exif = summarize_exif(image)
    return FileDetails(
        file_format=image.format or "",
        jpeg_quality=jpeg_quality(image),
        is_transparent=is_transparent,
        exif_count=exif.tag_count,
        taken_at=exif.taken_at,
    )
