from __future__ import annotations

from PIL import Image

from hashing.fingerprint.exif import summarize_exif
from hashing.fingerprint.fingerprint import FileDetails
from hashing.fingerprint.jpeg_quality import jpeg_quality


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
