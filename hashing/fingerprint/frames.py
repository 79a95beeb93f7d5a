"""What is inside a frame: a border, a letterbox, the padding of a square, a strip with or without text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

Levels = npt.NDArray[np.uint8]
Sums = npt.NDArray[np.int16]
Shares = npt.NDArray[np.float32]
Lines = npt.NDArray[np.intp]

# Larger pictures are reduced to a half, a quarter and so on, as long as their shorter side keeps this many pixels, as
# JPEGs are when they are decoded. So copies of all formats and sizes have the same inside.
SHORTER_SIDE = 128
# Neighbouring pixels of a line are added up, because their mean has less noise. A longer line is judged by some of its
# pixels.
CELL_PIXELS, MAX_CELLS = 4, 128
# A line is plain if this share of its cells differs from the colour of its frame by at most MAX_DEVIATION grey levels.
# Noise and the traces of a strong compression stay within.
PLAIN_SHARE, MAX_DEVIATION = 0.98, 6
# The line in which a frame ends shows a mixture of it and the picture.
SOFT_LINES = 1
# The sharpness of an edge is the share of the cells that differ from the frame in the line after it. One edge must be
# as sharp as SHARP: that of a sky is less sharp, and lies elsewhere in each copy. Below GRADUAL, its place is unsure.
SHARP, GRADUAL = 0.5, 0.3
# A strip may show text: lines that are not plain, between plain ones, up to this share of the height or width. It must
# end more sharply, and before a picture. Most of a dialog or a text page is plain, and its text no frame.
MAX_TEXT_SHARE, TEXT_SHARP, MAX_PLAIN_MEAN = 0.15, 0.6, 0.5
# Of a side of the picture, and in pixels. Less shows too little to be compared.
MIN_SHARE, MIN_PIXELS = 0.2, 24


class PixelBox(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


class Edge(NamedTuple):
    lines: int
    sharpness: float


NO_EDGE = Edge(0, sharpness=0)


def find_inside(grey: Levels) -> PixelBox | None:
    """Return what is inside the frame of a grey picture, None if it has no frame, or too little inside."""
    height, width = grey.shape
    scale = reduction(width, height)
    pixels = np.asarray(Image.fromarray(grey).reduce(scale)) if scale > 1 else grey
    found = without_frames(pixels)
    if found is None:
        return None
    left, top, right, bottom = (scale * side for side in found)
    return PixelBox(left, top, min(right, width), min(bottom, height))


def reduction(width: int, height: int) -> int:
    return 1 << max(0, (min(width, height) // SHORTER_SIDE).bit_length() - 1)


def with_soft_lines(inside: PixelBox, width: int, height: int) -> PixelBox:
    """Return where the picture inside a frame lies, with the lines that `find_inside` leaves out, for a person to see.

    `width` and `height` are those of the picture with its frame.
    """
    soft = SOFT_LINES * reduction(width, height)
    return PixelBox(
        max(inside.left - soft, 0),
        max(inside.top - soft, 0),
        min(inside.right + soft, width),
        min(inside.bottom + soft, height),
    )


def without_frames(pixels: Levels) -> PixelBox | None:
    """Remove frames around frames as well, so that a framed copy of a framed picture has the same inside."""
    height, width = pixels.shape
    least_width, least_height = max(MIN_PIXELS, MIN_SHARE * width), max(MIN_PIXELS, MIN_SHARE * height)
    whole = box = PixelBox(0, 0, width, height)
    while box.width >= least_width and box.height >= least_height:
        inner = without_frame(pixels, box)
        if inner == box:
            return None if box == whole else box
        box = inner
    return None


def without_frame(pixels: Levels, box: PixelBox) -> PixelBox:
    """Remove rows from the top and the bottom of a box, then columns from the left and the right.

    Return the same box if none of these edges ends sharply: then it is the picture that is plain there.
    """
    left, top, right, bottom = box
    rows = pixels[top:bottom, left:right]
    above, below = opposite_edges(rows)
    columns = rows[above.lines : len(rows) - below.lines].T
    if columns.shape[1] < CELL_PIXELS:
        return PixelBox(left, top, right, top)
    before, after = opposite_edges(columns)
    if max(edge.sharpness for edge in (above, below, before, after)) < SHARP:
        return box
    return PixelBox(left + before.lines, top + above.lines, right - after.lines, bottom - below.lines)


def opposite_edges(lines: Levels) -> tuple[Edge, Edge]:
    """Return the edges before the first and after the last line.

    Where one of them ends gradually, the picture has the same colour there, and the frame is as wide as opposite.
    """
    outermost = add_neighbours(lines[:: len(lines) - 1])
    colours = medians(outermost)
    is_plain = shares_near(outermost, colours) >= PLAIN_SHARE
    if not is_plain.any():
        return NO_EDGE, NO_EDGE
    cells = add_neighbours(lines)
    shares = shares_near(cells, colours[0])
    others = shares if colours[0] == colours[1] else shares_near(cells, colours[1])
    one = frame_edge(cells, shares) if is_plain[0] else NO_EDGE
    other = frame_edge(cells[::-1], others[::-1]) if is_plain[1] else NO_EDGE
    narrower = min(one.lines, other.lines)
    if one.sharpness < GRADUAL <= other.sharpness:
        return one._replace(lines=narrower), other
    if other.sharpness < GRADUAL <= one.sharpness:
        return one, other._replace(lines=narrower)
    return one, other


def add_neighbours(lines: Levels) -> Sums:
    """Return the sums of neighbouring pixels, for each line a row of cells."""
    step = max(CELL_PIXELS, -(-lines.shape[1] // MAX_CELLS))
    end = lines.shape[1] // step * step
    sums = lines[:, :end:step].astype(np.int16)
    for offset in range(1, CELL_PIXELS):
        sums += lines[:, offset:end:step]
    return sums


def medians(cells: Sums) -> Sums:
    middle = cells.shape[1] // 2
    return np.partition(cells, middle, axis=1)[:, middle, None]


def shares_near(cells: Sums, colour: Sums) -> Shares:
    """Return for each line the share of its cells that are near a colour."""
    near = np.abs(cells - colour) <= MAX_DEVIATION * CELL_PIXELS
    shares: Shares = near.sum(axis=1, dtype=np.uint8) / np.float32(cells.shape[1])
    return shares


def frame_edge(cells: Sums, shares: Shares) -> Edge:
    """Return how many lines, from the first one on, belong to a frame, with the soft line after them.

    `shares` are those of the cells of each line that are near the colour of the frame.
    """
    number = len(cells)
    plain = np.flatnonzero(shares >= PLAIN_SHARE)
    gaps = plain[1:] - plain[:-1] - 1
    end, strip_end = end_before_gap(plain, gaps, 0), end_before_gap(plain, gaps, MAX_TEXT_SHARE * number)
    if end < strip_end < number and 1 - shares[strip_end] >= TEXT_SHARP and is_picture(cells[strip_end:], number):
        end = strip_end
    return Edge(end, float(1 - shares[end])) if end < number else Edge(number, sharpness=0)


def end_before_gap(plain: Lines, gaps: Lines, longest: float) -> int:
    """Return the end of the plain lines before the first gap that is longer than that."""
    before = plain[:-1][gaps > longest]
    return int(before[0] if before.size else plain[-1]) + 1 + SOFT_LINES


def is_picture(cells: Sums, number: int) -> bool:
    """Whether the first lines show more than their own background. `number` is that of all lines."""
    first = cells[: int(MIN_SHARE * number)]
    return bool(shares_near(first, medians(first)).mean() <= MAX_PLAIN_MEAN)
