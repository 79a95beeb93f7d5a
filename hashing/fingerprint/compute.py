"""Computes the fingerprint of a picture: the bits of the three hashes, and the quality."""

from __future__ import annotations

import math
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from hashing.fingerprint.decoding import Box, Picture, picture_from_pil, read_picture
from hashing.fingerprint.fingerprint import FileDetails, Fingerprint, Inside, InsideBox
from hashing.fingerprint.frames import find_inside, with_soft_lines
from hashing.fingerprint.grid import Cells, Grids, shrink
from hashing.fingerprint.kernel import SQUARE_SIDE
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS

# For these formats, `read_picture` decodes a smaller scale, or more files, than Pillow does.
READ_FROM_FILE = (JpegImageFile, PngImageFile, TiffImageFile)

FREQUENCIES = 16
COSINE_SCALE = 1 << 16
# Integers, so that no processor or BLAS changes a bit: sums of their products stay below 2 ** 53.
COSINES = np.array(
    [
        [
            float(round(COSINE_SCALE * math.cos(math.pi * frequency * (2 * cell + 1) / (2 * SQUARE_SIDE))))
            for cell in range(SQUARE_SIDE)
        ]
        for frequency in range(FREQUENCIES)
    ]
)

# Grey levels. Rounding and JPEG noise between cells of one colour stay below.
VISIBLE_DIFFERENCE = 2
# Part of a strong difference, the 90th percentile. Ripples beside an edge stay below.
VISIBLE_SHARE = 0.08
# Third differences up to ROUNDING do not count as structure, from FULL_STRUCTURE on they count in full.
ROUNDING, FULL_STRUCTURE = 1, 4


class HashedFile(NamedTuple):
    fingerprint: Fingerprint
    details: FileDetails


def hash_image_file(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> HashedFile:
    """Return the fingerprint and the details of an image file. Raise the errors of `compute_fingerprint`."""
    try:
        picture = read_picture(file, max_pixels)
        return HashedFile(fingerprint_of_picture(picture), picture.details)
    except ValueError as error:
        raise ValueError(f"Failed to process image: {error}") from error
    except MemoryError as error:
        # The message of NumPy is about arrays, and Python's is empty.
        raise MemoryError("Failed to process image: not enough memory to decode it") from error


def fingerprint_of_image(image: Image.Image) -> Fingerprint:
    """Return the fingerprint of an open image, from its file if its pixels were not loaded yet."""
    # A later frame lies elsewhere in its file (MPO is a kind of JPEG).
    if isinstance(image, READ_FROM_FILE) and image.tile and image.fp is not None and image.tell() == 0:
        position = image.fp.tell()
        try:
            image.fp.seek(0)
            return hash_image_file(image.fp).fingerprint
        finally:
            image.fp.seek(position)
    try:
        return fingerprint_of_picture(picture_from_pil(image))
    except ValueError as error:
        raise ValueError(f"Failed to process image: {error}") from error


class HashedGrids(NamedTuple):
    """The fields that `Fingerprint` and `Inside` share."""

    perceptual_hash: str
    vertical_hash: str
    detail_hash: str
    quality: int


def fingerprint_of_picture(picture: Picture) -> Fingerprint:
    pixels, extent = np.asarray(picture.grey), picture.box
    whole = hash_grids(shrink(pixels, extent))
    return Fingerprint(*whole, picture.width, picture.height, fingerprint_of_inside(pixels, extent))


def fingerprint_of_inside(pixels: Cells, extent: Box | None) -> Inside | None:
    """Return the fingerprint of what is inside a frame, None if there is none. `extent` is that of a reduced JPEG."""
    height, width = pixels.shape
    found = find_inside(pixels)
    if found is None:
        return None
    inside = pixels[found.top : found.bottom, found.left : found.right]
    if extent is None:
        hashes, extent = hash_grids(shrink(inside)), Box(0, 0, width, height)
    else:
        hashes = hash_grids(shrink(inside, extent.within(*found)))
    across, down = extent.right - extent.left, extent.bottom - extent.top
    shown = with_soft_lines(found, width, height)
    box = InsideBox(
        thousandths(shown.left - extent.left, across),
        thousandths(shown.top - extent.top, down),
        thousandths(shown.right - extent.left, across),
        thousandths(shown.bottom - extent.top, down),
    )
    return Inside(*hashes, box)


def thousandths(part: float, whole: float) -> int:
    return min(max(round(1000 * part / whole), 0), 1000)


def hash_grids(grids: Grids) -> HashedGrids:
    wide, tall, square = grids
    return HashedGrids(
        perceptual_hash=to_hex(wide[:, 1:] > wide[:, :-1]),
        vertical_hash=to_hex(tall[1:] > tall[:-1]),
        detail_hash=to_hex(low_frequency_bits(square)),
        quality=measure_quality(wide, tall),
    )


def to_hex(bits: npt.NDArray[np.bool_]) -> str:
    """Write bits row by row, the first bit the most significant."""
    return np.packbits(bits).tobytes().hex()


def low_frequency_bits(square: Cells) -> npt.NDArray[np.bool_]:
    """Return which of the 16 x 16 lowest frequencies of the square grid are above their median.

    Vertical frequencies rise from row to row, horizontal ones from column to column. The mean grey level, frequency 0
    in both directions, is one of them.
    """
    frequencies = COSINES @ square.astype(np.float64) @ COSINES.T
    half = frequencies.size // 2
    below, above = np.partition(frequencies, (half - 1, half), axis=None)[half - 1 : half + 1]
    above_median: npt.NDArray[np.bool_] = 2 * frequencies > below + above
    return above_median


def measure_quality(wide: Cells, tall: Cells) -> int:
    """Return 0 (blank) to 100: the lower one of contrast and structure; see docs/explanation/fingerprint.md."""
    steps = neighbour_differences(wide, tall, 1)
    strong = np.sort(steps)[len(steps) * 9 // 10]
    contrast = np.mean(steps >= max(VISIBLE_DIFFERENCE, VISIBLE_SHARE * strong))
    roughness = (neighbour_differences(wide, tall, 3) - ROUNDING) / (FULL_STRUCTURE - ROUNDING)
    structure = np.mean(np.clip(roughness, 0, 1))
    return round(100 * float(min(contrast, structure)))


def neighbour_differences(wide: Cells, tall: Cells, order: int) -> npt.NDArray[np.int16]:
    """Return the absolute differences of an order along the rows of `wide` and the columns of `tall`."""
    along_rows = np.diff(wide.astype(np.int16), n=order, axis=1)
    along_columns = np.diff(tall.astype(np.int16), n=order, axis=0)
    differences: npt.NDArray[np.int16] = np.abs(np.concatenate([along_rows.ravel(), along_columns.ravel()]))
    return differences
