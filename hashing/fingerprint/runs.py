"""The weights of sides so long that neighbouring pixels have equal weights, which are computed once for all of them.

Of four million pixels, a cell of the square grid covers 375,000, and their weights are whole numbers up to 67.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.kernel import (
    ALL_CELLS,
    BLOCKS,
    CELLS_OF_GRID,
    FIXED_POINT,
    LOBES,
    Indices,
    Matrix,
    Side,
    WeightBlock,
    covered_pixels,
    lanczos,
    to_fixed_point,
    to_whole_numbers,
)

# Up to this length, hardly any neighbours have equal weights.
LENGTH_WITH_RUNS = 1 << 16
# No run is longer. Shorter ones are found by dividing a range of pixels, again and again.
MAX_RUN, RUN_PARTS = 1 << 12, 8
# The second derivative of the Lanczos function in its centre, where it is largest: pi ** 2 * (1 / 3 + 1 / 27).
MAX_CURVATURE = 3.656
# More than the arithmetic of doubles may change a weight by, in multiples of 2 ** -22.
ROUNDING_ERROR = 1e-6
# Parts of a lobe whose weights are added up. The relative error is about 1e-14.
PARTS_OF_LOBE = 512


class Runs(NamedTuple):
    """Where runs of equal weights start, and the weight of a pixel in each. The last start is the end."""

    starts: Indices
    weights: Matrix


class RunKernel(NamedTuple):
    """Where runs start in which no cell has two weights. The blocks have a row for each of them, not for each pixel."""

    starts: Indices
    blocks: tuple[WeightBlock, ...]

    def sums(self, lines: npt.NDArray[np.uint8] | npt.NDArray[np.float64]) -> Matrix:
        """Add up the pixels of each run."""
        sums = np.empty((len(lines), len(self.starts)))
        pieces = np.searchsorted(self.starts, np.arange(0, lines.shape[1], MAX_RUN))
        for first, last in pairwise((*pieces, len(self.starts))):
            begin = self.starts[first]
            pixels = lines[:, begin : begin + MAX_RUN].astype(np.float64)
            np.add.reduceat(pixels, self.starts[first:last] - begin, axis=1, out=sums[:, first:last])
        return sums


def make_run_kernel(side: Side) -> RunKernel:
    """Return the weights in all cells, for a side of any length. They take 45 MB at most."""
    cells = [runs_of_cell(side, cell) for cell in range(ALL_CELLS.stop)]
    is_start = np.zeros(side.length + 1, bool)
    # `sums` reads the pixels from one multiple of MAX_RUN to the next.
    is_start[::MAX_RUN] = True
    for runs in cells:
        is_start[runs.starts] = True
    starts = np.flatnonzero(is_start[:-1])
    return RunKernel(starts, tuple(make_block(block, cells[block], starts) for block in BLOCKS))


def make_block(cells: slice, runs_of_cells: list[Runs], starts: Indices) -> WeightBlock:
    positions = [np.searchsorted(starts, runs.starts) for runs in runs_of_cells]
    first, last = positions[0][0], positions[-1][-1]
    weights = np.zeros((last - first, len(runs_of_cells)))
    for column, (runs, found) in enumerate(zip(runs_of_cells, positions, strict=True)):
        weights[found[0] - first : found[-1] - first, column] = np.repeat(runs.weights, np.diff(found))
    return WeightBlock(slice(first, last), cells, weights)


def runs_of_cell(side: Side, cell: int) -> Runs:
    (first,), (last,) = covered_pixels(side, slice(cell, cell + 1))
    # The last pixel is perhaps a partial one. The weights of all others follow a smooth curve.
    final = last - 1
    total = sum_of_weights(side, cell, first, final) + float(lanczos(side, np.array([final]), cell)[0])
    found, size = [], MAX_RUN if side.length > LENGTH_WITH_RUNS else 1
    starts = np.arange(first, final, size)
    while size > 1:
        lowest, highest = range_of_weights(side, cell, starts, np.minimum(starts + size, final) - 1, total)
        is_run = lowest == highest
        found.append(Runs(starts[is_run], lowest[is_run]))
        size //= RUN_PARTS
        starts = (starts[~is_run, np.newaxis] + np.arange(0, size * RUN_PARTS, size)).ravel()
        starts = starts[starts < final]
    starts = np.append(starts, final)
    found.append(Runs(starts, to_fixed_point(lanczos(side, starts, cell), total)))
    return join_runs(found, last)


def join_runs(found: list[Runs], end: int) -> Runs:
    """Return one run for neighbours with the same weight."""
    starts, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(starts)
    starts, weights = starts[order], weights[order]
    is_new = np.append(True, weights[1:] != weights[:-1])
    return Runs(np.append(starts[is_new], end), weights[is_new])


def range_of_weights(side: Side, cell: int, first: Indices, last: Indices, total: float) -> tuple[Matrix, Matrix]:
    """Return what the weights of the pixels from each `first` to its `last` are at least, and at most."""
    scale = max(1, side.extent / CELLS_OF_GRID[cell])
    curvature = LOBES * MAX_CURVATURE / scale**2 / total * FIXED_POINT
    # No smooth curve is further from the straight line between two of its points.
    margin = curvature * (last - first) ** 2 / 8 + ROUNDING_ERROR
    ends = lanczos(side, np.stack([first, last]), cell) / total * FIXED_POINT
    return to_whole_numbers(ends.min(axis=0) - margin), to_whole_numbers(ends.max(axis=0) + margin)


def sum_of_weights(side: Side, cell: int, first: int, last: int) -> float:
    """Return the sum of the weights of the pixels from `first` to before `last`.

    Two points stand for the pixels of each part of a lobe, at such a distance that it is exact for cubic polynomials.
    """
    size = max(1, int(side.extent / CELLS_OF_GRID[cell]) // PARTS_OF_LOBE)
    starts = np.arange(first, last, size)
    sizes = np.minimum(size, last - starts)
    centres, distance = starts + (sizes - 1) / 2, np.sqrt((sizes**2 - 1) / 12)
    points = np.stack([centres - distance, centres + distance])
    return float((lanczos(side, points, cell) * sizes / 2).sum())
