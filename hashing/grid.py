"""Shrinking a grey picture to the few cells that are compared: Lanczos resampling, exact to the bit.

Every cell equals what Pillow 13's `resize(size, LANCZOS)` gives for an image in mode L: a kernel of three lobes in
fixed point, two passes, rounded to 8 bits after each. It is done here because the order of the passes is part of the
hash: Pillow 13 changed it for tall pictures, and hashes in a database must outlive an upgrade. It also takes less
than half the time, since a matrix product keeps the arithmetic in a few instructions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

Cells = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]

LOBES = 3
# Kernel weights are whole multiples of 2 ** -22. Sums of their products with grey levels stay below 2 ** 53, so that
# doubles hold them exactly, in whatever order they are added.
FIXED_POINT = float(1 << 22)
# Rows converted at a time: a strip of an ordinary picture fits a core's cache, and a huge one is never held in doubles.
STRIP_ROWS = 128


def shrink_both(grey: Image.Image, cells: int) -> tuple[Cells, Cells]:
    """Resample an image in mode L twice: to `cells` rows of `cells + 1`, and to `cells + 1` rows of `cells`.

    Each cell is 0 to 255.
    """
    pixels = np.asarray(grey)
    wide, tall = (cells + 1, cells), (cells, cells + 1)
    if _is_tall(pixels, *wide) or _is_tall(pixels, *tall):
        return _shrink(pixels, *wide), _shrink(pixels, *tall)
    # Most pictures: one pass over the pixels serves both.
    rows = _rounded(_across(pixels, cells + 1, cells))
    return _finish(_down(rows[:, : cells + 1], cells)), _finish(_down(rows[:, cells + 1 :], cells + 1))


def _is_tall(pixels: Cells, width: int, height: int) -> bool:
    rows, columns = pixels.shape
    return bool(rows > height and rows - height > 2 * (columns - width))


def _shrink(pixels: Cells, width: int, height: int) -> Cells:
    if _is_tall(pixels, width, height):
        return _finish(_across(_rounded(_down(pixels, height)), width))
    return _finish(_down(_rounded(_across(pixels, width)), height))


def _across(pixels: npt.NDArray[np.generic], *widths: int) -> Matrix:
    weights = np.hstack([_kernel(pixels.shape[1], width) for width in widths])
    return np.concatenate([strip @ weights for _, strip in _strips(pixels)])


def _down(pixels: npt.NDArray[np.generic], height: int) -> Matrix:
    weights = _kernel(pixels.shape[0], height).T
    total = np.zeros((height, pixels.shape[1]))
    for start, strip in _strips(pixels):
        total += weights[:, start : start + len(strip)] @ strip
    return total


def _strips(pixels: npt.NDArray[np.generic]) -> Iterator[tuple[int, Matrix]]:
    for start in range(0, len(pixels), STRIP_ROWS):
        yield start, pixels[start : start + STRIP_ROWS].astype(np.float64, copy=False)


def _rounded(sums: Matrix) -> Matrix:
    return np.clip(np.floor((sums + FIXED_POINT / 2) / FIXED_POINT), 0, 255)


def _finish(sums: Matrix) -> Cells:
    return _rounded(sums).astype(np.uint8)


@lru_cache(maxsize=64)
def _kernel(length: int, cells: int) -> Matrix:
    """The weight of each of `length` pixels in each of `cells` cells, in fixed point: one column a cell."""
    scale = length / cells
    stretch = max(scale, 1.0)
    centres = (np.arange(cells) + 0.5) * scale
    first = np.maximum(0, np.floor(centres - LOBES * stretch + 0.5))
    last = np.minimum(length, np.floor(centres + LOBES * stretch + 0.5))
    pixels = np.arange(length)[:, None]
    weights = np.where((first <= pixels) & (pixels < last), _lanczos((pixels - centres + 0.5) / stretch), 0.0)
    weights /= weights.sum(axis=0)
    return np.trunc(weights * FIXED_POINT + np.copysign(0.5, weights))


def _lanczos(x: Matrix) -> Matrix:
    return np.where(np.abs(x) < LOBES, np.sinc(x) * np.sinc(x / LOBES), 0.0)
