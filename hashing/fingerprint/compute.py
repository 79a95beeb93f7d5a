from __future__ import annotations

import math
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from hashing.fingerprint.decoding import Picture, picture_from_pil, read_picture
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.fingerprint.grid import SQUARE_SIDE, Cells, shrink
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS

# In grey levels: what rounding and JPEG noise leave between cells of one colour stays below it.
VISIBLE_DIFFERENCE = 2
# As a share of a strong difference, one that nine in ten do not reach: ripples beside an edge stay below it.
VISIBLE_SHARE = 0.08
# Third differences up to the first are rounding, from the second on they count in full.
ROUNDING, FULL_STRUCTURE = 1, 4


def measure_quality(wide: npt.NDArray[np.uint8], tall: npt.NDArray[np.uint8]) -> int:
    """0 (blank) to 100, from the grid whose rows are compared and the grid whose columns are."""
    steps = _differences(wide, tall, 1)
    strong = np.sort(steps)[len(steps) * 9 // 10]
    visible = max(VISIBLE_DIFFERENCE, VISIBLE_SHARE * strong)
    contrast = np.mean(steps >= visible)
    roughness = (_differences(wide, tall, 3) - ROUNDING) / (FULL_STRUCTURE - ROUNDING)
    structure = np.mean(np.clip(roughness, 0, 1))
    return round(100 * float(min(contrast, structure)))


def _differences(wide: npt.NDArray[np.uint8], tall: npt.NDArray[np.uint8], order: int) -> npt.NDArray[np.int16]:
    along_rows = np.diff(wide.astype(np.int16), n=order, axis=1)
    along_columns = np.diff(tall.astype(np.int16), n=order, axis=0)
    differences: npt.NDArray[np.int16] = np.abs(np.concatenate([along_rows.ravel(), along_columns.ravel()]))
    return differences


FREQUENCIES = 16
COSINE_SCALE = 1 << 16

_COSINES = np.array(
    [
        [
            float(round(COSINE_SCALE * math.cos(math.pi * frequency * (2 * cell + 1) / (2 * SQUARE_SIDE))))
            for cell in range(SQUARE_SIDE)
        ]
        for frequency in range(FREQUENCIES)
    ]
)


def low_frequency_bits(square: Cells) -> npt.NDArray[np.bool_]:
    """Which of the 16 x 16 lowest frequencies of the square grid are above their median.

    Vertical frequencies rise from row to row and horizontal ones from column to column. The first of all, the mean
    grey level, counts among them.
    """
    frequencies = _COSINES @ square.astype(np.float64) @ _COSINES.T
    half = frequencies.size // 2
    below, above = np.partition(frequencies, (half - 1, half), axis=None)[half - 1 : half + 1]
    above_median: npt.NDArray[np.bool_] = 2 * frequencies > below + above
    return above_median


# Formats of which `read_picture` decodes less, or more of what there is, than Pillow does.
_READ_FROM_FILE = (JpegImageFile, PngImageFile, TiffImageFile)


def fingerprint_of_file(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> Fingerprint:
    """Return what `compute_fingerprint` does."""
    try:
        return fingerprint_of_picture(read_picture(file, max_pixels))
    except ValueError as error:
        raise ValueError(f"Failed to process image: {error}") from error
    except MemoryError as error:
        # NumPy's own text is about arrays, and Python has none.
        raise MemoryError("Failed to process image: not enough memory to decode it") from error


def fingerprint_of_image(image: Image.Image) -> Fingerprint:
    """Return the fingerprint of an open image, from its file if its pixels were not loaded yet."""
    # A later frame (MPO is a kind of JPEG) lies elsewhere in its file.
    if isinstance(image, _READ_FROM_FILE) and image.tile and image.fp is not None and image.tell() == 0:
        return _of_unread_image(image.fp)
    try:
        return fingerprint_of_picture(picture_from_pil(image))
    except ValueError as error:
        raise ValueError(f"Failed to process image: {error}") from error


def fingerprint_of_picture(picture: Picture) -> Fingerprint:
    wide, tall, square = shrink(picture.grey, picture.box)
    return Fingerprint(
        perceptual_hash=_to_hex(wide[:, 1:] > wide[:, :-1]),
        vertical_hash=_to_hex(tall[1:] > tall[:-1]),
        detail_hash=_to_hex(low_frequency_bits(square)),
        quality=measure_quality(wide, tall),
        width=picture.width,
        height=picture.height,
    )


def _of_unread_image(file: IO[bytes]) -> Fingerprint:
    """From the file, as it would be without Pillow; decoding through the open image would change it."""
    position = file.tell()
    try:
        file.seek(0)
        return fingerprint_of_file(file)
    finally:
        file.seek(position)


def _to_hex(bits: npt.NDArray[np.bool_]) -> str:
    """Row by row, the first bit the most significant."""
    return np.packbits(bits).tobytes().hex()
