"""Shrinking a grey picture to the three grids, as Pillow 13 would, but the same with every Pillow.

See docs/explanation/fingerprint.md.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from hashing.fingerprint.decoding import Box
from hashing.fingerprint.kernel import (
    ALL_CELLS,
    EIGHT,
    EXACT_LENGTH,
    FIXED_POINT,
    LARGE_LENGTH,
    NINE,
    SQUARE,
    Matrix,
    Side,
    kernel,
)
from hashing.fingerprint.runs import make_run_kernel

Cells = npt.NDArray[np.uint8]
Lines = npt.NDArray[np.uint8] | npt.NDArray[np.float64]

# Converted to doubles at a time, to fit into the cache: these pixels, but no fewer lines, which share a product.
STRIP_PIXELS, STRIP_LINES = 1 << 15, 32
# Columns and rows of the grids.
SHAPES = {"wide": (NINE, EIGHT), "tall": (EIGHT, NINE), "square": (SQUARE, SQUARE)}


class Grids(NamedTuple):
    """Grey levels, 0 to 255: 8 rows of 9 cells, 9 rows of 8 cells, and 64 rows of 64 cells."""

    wide: Cells
    tall: Cells
    square: Cells


def shrink(grey: Image.Image | Cells, box: Box | None = None) -> Grids:
    """Resample a picture in mode L to all three grids; `box` is that of a picture that was reduced by its decoder."""
    pixels = np.asarray(grey)
    height, width = pixels.shape
    if box is None:
        resampling = Resampling(pixels, Side(width, width), Side(height, height), is_reduced=False)
        return Grids(**{name: resampling.cells(*shape) for name, shape in SHAPES.items()})
    # `Side` has its partial pixel at the end. In a picture that was turned, it may be the first one.
    order = slice(None, None, -1 if box.top else 1), slice(None, None, -1 if box.left else 1)
    across, down = Side(width, box.right - box.left), Side(height, box.bottom - box.top)
    resampling = Resampling(pixels[order], across, down, is_reduced=True)
    return Grids(**{name: resampling.cells(*shape)[order] for name, shape in SHAPES.items()})


class Resampling:
    """Two passes over the pixels, one for each side. The first one is shared by the grids."""

    def __init__(self, pixels: Cells, across: Side, down: Side, *, is_reduced: bool) -> None:
        self._pixels = pixels
        self._across = across
        self._down = down
        self._is_reduced = is_reduced

    def cells(self, columns: slice, rows: slice) -> Cells:
        if self._is_column_first(columns, rows):
            sums = weighted_sums(self._shrunk_columns[:, rows].T, self._across, columns)[:, columns]
        else:
            sums = weighted_sums(self._shrunk_rows[:, columns].T, self._down, rows)[:, rows].T
        return to_levels(sums / FIXED_POINT if self._is_reduced else sums).astype(np.uint8)

    def _is_column_first(self, columns: slice, rows: slice) -> bool:
        """Whether Pillow 13 shrinks the columns in its first pass."""
        height, width = self._down.length, self._across.length
        fewer_rows, fewer_columns = height - (rows.stop - rows.start), width - (columns.stop - columns.start)
        return not self._is_reduced and fewer_rows > 0 and fewer_rows > 2 * fewer_columns

    @cached_property
    def _shrunk_rows(self) -> Matrix:
        wanted = [columns for columns, rows in SHAPES.values() if not self._is_column_first(columns, rows)]
        return self._between_passes(weighted_sums(self._pixels, self._across, *wanted))

    @cached_property
    def _shrunk_columns(self) -> Matrix:
        wanted = [rows for columns, rows in SHAPES.values() if self._is_column_first(columns, rows)]
        return self._between_passes(weighted_sums(self._pixels.T, self._down, *wanted))

    def _between_passes(self, sums: Matrix) -> Matrix:
        if not self._is_reduced:
            return to_levels(sums)
        # With one binary digit less, the sums of the second pass stay exact where the weights are large (`kernel.py`).
        return sums if min(self._across.length, self._down.length) >= EXACT_LENGTH else np.floor(sums / 2) * 2


def to_levels(sums: Matrix) -> Matrix:
    levels = np.floor(sums * (1 / FIXED_POINT) + 0.5)
    return np.clip(levels, 0, 255, out=levels)


def weighted_sums(lines: Lines, side: Side, *wanted: slice) -> Matrix:
    """Resample lines of pixels along `side`. Return a row of 81 cells for each line, of which the `wanted` are set."""
    runs = make_run_kernel(side) if side.length > LARGE_LENGTH else None
    blocks = [
        block
        for block in (runs.blocks if runs else kernel(side))
        if any(block.cells.start < cells.stop and cells.start < block.cells.stop for cells in wanted)
    ]
    sums = np.zeros((len(lines), ALL_CELLS.stop))
    step = max(STRIP_LINES, STRIP_PIXELS // side.length)
    for start in range(0, len(lines), step):
        strip = lines[start : start + step]
        values = runs.sums(strip) if runs else strip.astype(np.float64, copy=False)
        for block in blocks:
            sums[start : start + step, block.cells] = values[:, block.pixels] @ block.weights
    return sums
