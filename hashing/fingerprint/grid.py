from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from hashing.fingerprint.decoding import Box

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


Cells = npt.NDArray[np.uint8]
Lines = npt.NDArray[np.uint8] | npt.NDArray[np.float64]

# What is converted at a time, so that it fits a core's cache: these pixels, but not fewer lines, which share a product.
STRIP_PIXELS, STRIP_LINES = 1 << 15, 32
SQUARE_SIDE = SQUARE.stop - SQUARE.start
# Columns and rows of the grids.
SHAPES = {"wide": (NINE, EIGHT), "tall": (EIGHT, NINE), "square": (SQUARE, SQUARE)}


class Grids(NamedTuple):
    """The grey levels, 0 to 255, of 8 rows of 9 cells, 9 rows of 8 cells, and 64 rows of 64 cells."""

    wide: Cells
    tall: Cells
    square: Cells


def shrink(grey: Image.Image, box: Box | None = None) -> Grids:
    """Resample an image in mode L to all three grids.

    `box` is given for a picture that was reduced while it was decoded: left, top, right and bottom of what shows it.
    """
    pixels = np.asarray(grey)
    height, width = pixels.shape
    if box is None:
        picture = _Resampling(pixels, Side(width, width), Side(height, height), is_reduced=False)
        return Grids(**{name: picture.cells(*shape) for name, shape in SHAPES.items()})
    left, top, right, bottom = box
    # The pixel that is there in part is the last one; in a picture that was turned, it may be the first.
    order = slice(None, None, -1 if top else 1), slice(None, None, -1 if left else 1)
    picture = _Resampling(pixels[order], Side(width, right - left), Side(height, bottom - top), is_reduced=True)
    return Grids(**{name: picture.cells(*shape)[order] for name, shape in SHAPES.items()})


class _Resampling:
    def __init__(self, pixels: Cells, across: Side, down: Side, *, is_reduced: bool) -> None:
        self._pixels = pixels
        self._across = across
        self._down = down
        self._is_reduced = is_reduced

    def cells(self, columns: slice, rows: slice) -> Cells:
        if self._is_tall(columns, rows):
            sums = _weighted_sums(self._columns_shrunk[:, rows].T, self._across, columns)[:, columns]
        else:
            sums = _weighted_sums(self._rows_shrunk[:, columns].T, self._down, rows)[:, rows].T
        return _rounded(sums / FIXED_POINT if self._is_reduced else sums).astype(np.uint8)

    def _is_tall(self, columns: slice, rows: slice) -> bool:
        """Whether Pillow 13 shrinks the columns first."""
        height, width = self._down.length, self._across.length
        fewer_rows, fewer_columns = height - (rows.stop - rows.start), width - (columns.stop - columns.start)
        return not self._is_reduced and fewer_rows > 0 and fewer_rows > 2 * fewer_columns

    @cached_property
    def _rows_shrunk(self) -> Matrix:
        wanted = [columns for columns, rows in SHAPES.values() if not self._is_tall(columns, rows)]
        return self._between_passes(_weighted_sums(self._pixels, self._across, *wanted))

    @cached_property
    def _columns_shrunk(self) -> Matrix:
        wanted = [rows for columns, rows in SHAPES.values() if self._is_tall(columns, rows)]
        return self._between_passes(_weighted_sums(self._pixels.T, self._down, *wanted))

    def _between_passes(self, sums: Matrix) -> Matrix:
        return sums if self._is_reduced else _rounded(sums)


def _rounded(sums: Matrix) -> Matrix:
    levels = np.floor(sums * (1 / FIXED_POINT) + 0.5)
    return np.clip(levels, 0, 255, out=levels)


def _weighted_sums(lines: Lines, side: Side, *wanted: slice) -> Matrix:
    """Resample lines of pixels along `side`: for each line the sums of the `wanted` cells, each in its place."""
    if side.length > LARGE_LENGTH:
        return _sums_of_long_lines(lines, side, wanted)
    bands = [band for band in kernel(side) if any(_overlap(band.cells, cells) for cells in wanted)]
    sums = np.zeros((len(lines), ALL_CELLS.stop))
    step = max(STRIP_LINES, STRIP_PIXELS // side.length)
    for start in range(0, len(lines), step):
        strip = lines[start : start + step].astype(np.float64, copy=False)
        for band in bands:
            sums[start : start + step, band.cells] = strip[:, band.pixels] @ band.weights
    return sums


def _overlap(some: slice, others: slice) -> bool:
    return bool(some.start < others.stop and others.start < some.stop)


def _sums_of_long_lines(lines: Lines, side: Side, wanted: Iterable[slice]) -> Matrix:
    """Cell by cell, so that no more than the weights of one of them are in memory."""
    sums = np.zeros((len(lines), ALL_CELLS.stop))
    step = max(1, CHUNK_PIXELS // len(lines))
    for cell in {cell for cells in wanted for cell in range(cells.start, cells.stop)}:
        first, weights = window(side, cell)
        for start in range(0, len(weights), step):
            some = weights[start : start + step]
            sums[:, cell] += lines[:, first + start : first + start + len(some)].astype(np.float64) @ some
    return sums
