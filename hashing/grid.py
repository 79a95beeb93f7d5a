"""Shrinking a grey picture to the cells that are compared: Lanczos resampling, exact to the bit.

Every cell equals what Pillow 13's `resize(size, LANCZOS)` gives for an image in mode L: a kernel of three lobes in
fixed point, two passes, rounded to 8 bits after each. It is done here because the order of the passes is part of the
hash: Pillow 13 changed it for tall pictures, and hashes in a database must outlive an upgrade. It is also faster: one
pass over the pixels serves all three grids, and a matrix product keeps the arithmetic in a few instructions.

A picture that a JPEG decoder has reduced has few pixels, each rounded once already, and ends in the middle of one. The
last pixel counts by the share of it that shows the picture, and nothing is rounded between the passes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from hashing.lanczos import (
    ALL_CELLS,
    CHUNK_PIXELS,
    EIGHT,
    FIXED_POINT,
    LARGE_LENGTH,
    NINE,
    SQUARE,
    Matrix,
    Side,
    kernel,
    window,
)
from hashing.pixels import Box

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
