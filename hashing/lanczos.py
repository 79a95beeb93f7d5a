"""How much each pixel of a side counts in each cell: Lanczos kernels of three lobes in fixed point, as in Pillow."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

LOBES = 3
# Weights are whole multiples of 2 ** -22. Sums of their products with grey levels stay below 2 ** 53, so that doubles
# hold them exactly, in whatever order they are added. That is so even after two passes over a reduced picture: where
# a side has at least 96 pixels, the weights of a cell, all taken as positive, sum up to less than 1.417.
FIXED_POINT = float(1 << 22)
# Kernels of small pictures are kept, 40 KB each at 125 pixels, because a library has hundreds of sizes; of larger ones
# a few; and beyond that none, whose weights would take more memory than the pixels.
SMALL_LENGTH, LARGE_LENGTH = 512, 8192
# Pixels of long sides whose weights are made at a time. For larger arrays the C library asks the system, every time.
CHUNK_PIXELS = 1 << 13

# The cells of all three grids, side by side: 9 and 8 for the small hashes, 64 for the large one.
NINE, EIGHT, SQUARE = slice(0, 9), slice(9, 17), slice(17, 81)
ALL_CELLS = slice(0, 81)
_CELLS_OF_GRID = np.repeat([9.0, 8.0, 64.0], [9, 8, 64])
_MIDDLES = np.concatenate([np.arange(9), np.arange(8), np.arange(64)]) + 0.5
# Cells of the square grid that are far apart have no pixel in common, so they are computed in four bands.
_BANDS = (slice(NINE.start, EIGHT.stop), *(slice(start, start + 16) for start in range(SQUARE.start, SQUARE.stop, 16)))


class Side(NamedTuple):
    """`length` pixels, of which the first `extent` show the picture: the last one perhaps only in part."""

    length: int
    extent: float


class Band(NamedTuple):
    """The weights of all pixels that some cells see: a row for each pixel, a column for each cell."""

    pixels: slice
    cells: slice
    weights: Matrix


def kernel(side: Side) -> tuple[Band, ...]:
    """Return the weights of a side of at most `LARGE_LENGTH` pixels in all cells."""
    return _small_kernel(side) if side.length <= SMALL_LENGTH else _large_kernel(side)


def window(side: Side, cell: int) -> tuple[int, Matrix]:
    """Return the first of the pixels that one cell sees, and the weights of all of them."""
    cells = slice(cell, cell + 1)
    (first,), (last,) = _support(side, cells)
    weights = np.empty(last - first)
    for start in range(0, len(weights), CHUNK_PIXELS):
        chunk = weights[start : start + CHUNK_PIXELS]
        chunk[:] = _lanczos(side, np.arange(len(chunk)) + (first + start), cell)
    total = weights.sum()
    for start in range(0, len(weights), CHUNK_PIXELS):
        chunk = weights[start : start + CHUNK_PIXELS]
        chunk[:] = _fixed_point(chunk, total)
    return int(first), weights


def make_kernel(side: Side) -> tuple[Band, ...]:
    """Return what `kernel` does, computed now."""
    first, last = _support(side, ALL_CELLS)
    counts = last - first
    begins = np.cumsum(counts) - counts
    cells = np.repeat(np.arange(ALL_CELLS.stop), counts)
    pixels = np.arange(len(cells)) + (first - begins)[cells]
    weights = _lanczos(side, pixels, cells)
    dense = np.zeros((side.length, ALL_CELLS.stop))
    dense[pixels, cells] = _fixed_point(weights, np.add.reduceat(weights, begins)[cells])
    return tuple(_band(dense, cells, slice(first[cells.start], last[cells.stop - 1])) for cells in _BANDS)


def _band(dense: Matrix, cells: slice, pixels: slice) -> Band:
    return Band(pixels, cells, np.ascontiguousarray(dense[pixels, cells]))


_small_kernel = lru_cache(maxsize=512)(make_kernel)
_large_kernel = lru_cache(maxsize=8)(make_kernel)


def _support(side: Side, cells: slice) -> tuple[Indices, Indices]:
    """The first pixel that each cell sees, and the one after the last."""
    scale = side.extent / _CELLS_OF_GRID[cells]
    centres, reach = _MIDDLES[cells] * scale, LOBES * np.maximum(scale, 1)
    first = np.maximum(0, np.floor(centres - reach + 0.5))
    last = np.minimum(side.length, np.floor(centres + reach + 0.5))
    return first.astype(np.intp), last.astype(np.intp)


def _lanczos(side: Side, pixels: Indices, cells: Indices | int) -> Matrix:
    """Return 3 * sinc(x) * sinc(x / 3), where x is the distance of a pixel from the middle of a cell."""
    scale = side.extent / _CELLS_OF_GRID
    step = np.pi / LOBES / np.maximum(scale, 1)
    angles = (pixels - (_MIDDLES * scale - 0.5)[cells]) * step[cells]
    # sin(3a) = 3 sin(a) - 4 sin(a) ** 3 saves one of the two sines.
    squares = np.sin(angles) ** 2
    angles *= angles
    middles = angles == 0
    angles[middles] = 1
    weights: Matrix = squares * (3 - 4 * squares) / angles
    weights[middles] = 3
    if side.extent < side.length:
        weights[pixels == side.length - 1] *= side.extent - (side.length - 1)
    return weights


def _fixed_point(weights: Matrix, totals: Matrix | float) -> Matrix:
    weights = weights / totals * FIXED_POINT
    return np.trunc(weights + np.copysign(0.5, weights))
