"""The weights with which pixels along a side count in the cells of the grids: Lanczos with three lobes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

LOBES = 3
# Weights are integer multiples of 2 ** -22. Sums of their products with grey levels stay below 2 ** 53, so that doubles
# hold them exactly, in whatever order they are added. That holds after two passes over a reduced picture, too: where a
# side has at least EXACT_LENGTH pixels, the absolute weights of a cell add up to less than 1.417.
FIXED_POINT = float(1 << 22)
EXACT_LENGTH = 96
# Many kernels of small pictures are cached, 40 KB each at 125 pixels, because a library has hundreds of sizes, and a
# few of larger ones. Beyond LARGE_LENGTH, a kernel would take more memory than the pixels: see `runs.py`.
SMALL_LENGTH, LARGE_LENGTH = 512, 8192

# The cells of all three grids, side by side: 9 and 8 for the small hashes, 64 for the large one.
NINE, EIGHT, SQUARE = slice(0, 9), slice(9, 17), slice(17, 81)
ALL_CELLS = slice(0, 81)
SQUARE_SIDE = SQUARE.stop - SQUARE.start
CELLS_OF_GRID = np.repeat([9.0, 8.0, 64.0], [9, 8, 64])
CENTRES = np.concatenate([np.arange(9), np.arange(8), np.arange(64)]) + 0.5
# Distant cells of the square grid share no pixel, so they are computed in four blocks.
BLOCKS = (slice(NINE.start, EIGHT.stop), *(slice(start, start + 16) for start in range(SQUARE.start, SQUARE.stop, 16)))


class Side(NamedTuple):
    """`length` pixels, of which the first `extent` show the picture: the last one perhaps only in part."""

    length: int
    extent: float


class WeightBlock(NamedTuple):
    """The weights of all pixels that a range of cells covers: a row for each pixel, a column for each cell."""

    pixels: slice
    cells: slice
    weights: Matrix


def kernel(side: Side) -> tuple[WeightBlock, ...]:
    """Return the weights in all cells, for a side of at most `LARGE_LENGTH` pixels."""
    return small_kernel(side) if side.length <= SMALL_LENGTH else large_kernel(side)


def make_kernel(side: Side) -> tuple[WeightBlock, ...]:
    first, last = covered_pixels(side, ALL_CELLS)
    counts = last - first
    begins = np.cumsum(counts) - counts
    cells = np.repeat(np.arange(ALL_CELLS.stop), counts)
    pixels = np.arange(len(cells)) + (first - begins)[cells]
    weights = lanczos(side, pixels, cells)
    dense = np.zeros((side.length, ALL_CELLS.stop))
    dense[pixels, cells] = to_fixed_point(weights, np.add.reduceat(weights, begins)[cells])
    blocks = []
    for block in BLOCKS:
        covered = slice(first[block.start], last[block.stop - 1])
        blocks.append(WeightBlock(covered, block, np.ascontiguousarray(dense[covered, block])))
    return tuple(blocks)


small_kernel = lru_cache(maxsize=512)(make_kernel)
large_kernel = lru_cache(maxsize=8)(make_kernel)


def covered_pixels(side: Side, cells: slice) -> tuple[Indices, Indices]:
    """Return the first pixel that each cell covers, and the one after the last."""
    scale = side.extent / CELLS_OF_GRID[cells]
    centres, reach = CENTRES[cells] * scale, LOBES * np.maximum(scale, 1)
    first = np.maximum(0, np.floor(centres - reach + 0.5))
    last = np.minimum(side.length, np.floor(centres + reach + 0.5))
    return first.astype(np.intp), last.astype(np.intp)


def lanczos(side: Side, pixels: Indices | Matrix, cells: Indices | int) -> Matrix:
    """Return 3 * sinc(x) * sinc(x / 3), where x is the distance of a pixel from the centre of a cell."""
    scale = side.extent / CELLS_OF_GRID
    step = np.pi / LOBES / np.maximum(scale, 1)
    angles = (pixels - (CENTRES * scale - 0.5)[cells]) * step[cells]
    # sin(3a) = 3 sin(a) - 4 sin(a) ** 3 saves one of the two sines.
    squares = np.sin(angles) ** 2
    angles *= angles
    is_centre = angles == 0
    angles[is_centre] = 1
    weights: Matrix = squares * (3 - 4 * squares) / angles
    weights[is_centre] = 3
    if side.extent < side.length:
        weights[pixels == side.length - 1] *= side.extent - (side.length - 1)
    return weights


def to_fixed_point(weights: Matrix, totals: Matrix | float) -> Matrix:
    return to_whole_numbers(weights / totals * FIXED_POINT)


def to_whole_numbers(weights: Matrix) -> Matrix:
    return np.trunc(weights + np.copysign(0.5, weights))
