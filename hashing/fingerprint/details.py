from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from hashing.fingerprint.exif import summarize_exif
from hashing.fingerprint.fingerprint import FileDetails

# The tables for brightness and colour of the JPEG standard (ITU-T T.81, tables K.1 and K.2), row by row.
BRIGHTNESS = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
COLOUR = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *([99] * 32),
)
LARGEST = 255
# Otherwise small numbers for high frequencies, as in tables of Photoshop, would hide large ones for low frequencies.
WEIGHTS = 1 / np.square(np.array(BRIGHTNESS + COLOUR, dtype=float))


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


def scaled_tables() -> npt.NDArray[np.int64]:
    """Return the two tables, one after the other, for the qualities 1 to 100."""
    qualities = np.arange(1, 101)[:, np.newaxis]
    percent = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    tables: npt.NDArray[np.int64] = np.clip((np.array(BRIGHTNESS + COLOUR) * percent + 50) // 100, 1, LARGEST)
    return tables


SCALED = scaled_tables()


def jpeg_quality(image: Image.Image) -> int | None:
    """Estimate the quality, 1 to 100, with which a JPEG was saved. None for other files.

    The quality is that of the Independent JPEG Group's libjpeg, which scales the tables of the standard
    (`jpeg_quality_scaling` and `jpeg_add_quant_table` in jcparam.c): a file with such tables has exactly that quality.
    Other programs have tables of their own: for these it is the quality whose tables are nearest, where low frequencies
    weigh more. It is then within some points of the quality at which libjpeg makes a file as large.
    """
    if not isinstance(image, JpegImageFile):
        return None
    tables = [tuple(table) for _number, table in sorted(image.quantization.items())[:2]]
    return nearest_quality(sum(tables, ())) if tables and all(len(table) == 64 for table in tables) else None


@lru_cache(maxsize=256)
def nearest_quality(values: Sequence[int]) -> int:
    # A grey picture has one table.
    count = len(values)
    differences = np.abs(SCALED[:, :count] - np.minimum(values, LARGEST)) * WEIGHTS[:count]
    return int(differences.sum(axis=1).argmin()) + 1
