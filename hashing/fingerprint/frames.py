"""What is inside a frame of one colour: a border, the bars of a letterbox, the padding of a square, a plain strip."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.uint8]

# A line belongs to the frame while this share of its pixels differs from the colour of the first line by at most
# MAX_DEVIATION grey levels. Noise and the traces of a strong compression stay within.
PLAIN_SHARE = 0.98
MAX_DEVIATION = 8
# The line in which a frame ends shows a mixture of it and the picture.
SOFT_LINES = 1
# The share of the pixels that must differ from the frame in the line after its end. The edge of a sky is less sharp,
# and lies elsewhere in each copy.
SHARP_SHARE = 0.3
# Of a side of the picture, and in pixels. Less shows too little to be compared.
MIN_SHARE, MIN_PIXELS = 0.2, 24
# A longer line is judged by some of its pixels.
MAX_SAMPLES = 512
# Lines that are compared at a time: most frames are narrow. Each block is twice as large as the one before.
FIRST_BLOCK = 16


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
    is_sharp: bool


def find_inside(pixels: Levels) -> PixelBox | None:
    """Return what is inside the frame of a grey picture, None if it has no frame, or too little inside.

    Frames around frames are removed as well, so a framed copy of a framed picture has the same inside.
    """
    height, width = pixels.shape
    whole = box = PixelBox(0, 0, width, height)
    while (inner := without_frame(pixels, box)) != box:
        box = inner
        if box.width < max(MIN_PIXELS, MIN_SHARE * width) or box.height < max(MIN_PIXELS, MIN_SHARE * height):
            return None
    return None if box == whole else box


def without_frame(pixels: Levels, box: PixelBox) -> PixelBox:
    """Remove plain rows from the top and the bottom of a box, then plain columns from the left and the right.

    Return the same box if none of these edges ends sharply: then it is the picture that is plain there.
    """
    left, top, right, bottom = box
    rows = pixels[top:bottom, left:right]
    above, below = plain_edge(rows), plain_edge(rows[::-1])
    columns = rows[above.lines : len(rows) - below.lines].T
    if not columns.size:
        return PixelBox(left, top, left, top)
    before, after = plain_edge(columns), plain_edge(columns[::-1])
    if not any(edge.is_sharp for edge in (above, below, before, after)):
        return box
    return PixelBox(left + before.lines, top + above.lines, right - after.lines, bottom - below.lines)


def plain_edge(lines: Levels) -> Edge:
    """Return how many lines, from the first one on, have its colour, with the soft line after them."""
    lines = lines[:, :: -(-lines.shape[1] // MAX_SAMPLES)]
    first = lines[0]
    colour = int(np.partition(first, len(first) // 2)[len(first) // 2])
    if not is_plain(lines[:1], colour)[0]:
        return Edge(0, is_sharp=False)
    start = 0
    for number in count():
        block = is_plain(lines[start : start + (FIRST_BLOCK << number)], colour)
        if not len(block):
            return Edge(len(lines), is_sharp=False)
        if not block.all():
            end = start + int(block.argmin()) + SOFT_LINES
            return Edge(end, ends_sharply(lines, end, colour))
        start += len(block)
    raise AssertionError


def ends_sharply(lines: Levels, end: int, colour: int) -> bool:
    """Whether many pixels have another colour where the frame ends."""
    after = lines[end : end + 1].astype(np.int16)
    return bool(np.count_nonzero(np.abs(after - colour) > MAX_DEVIATION) >= SHARP_SHARE * lines.shape[1])


def is_plain(lines: Levels, colour: int) -> npt.NDArray[np.bool_]:
    lowest, highest = max(0, colour - MAX_DEVIATION), min(255, colour + MAX_DEVIATION)
    near = (lines >= lowest) & (lines <= highest)
    plain: npt.NDArray[np.bool_] = np.count_nonzero(near, axis=1) >= PLAIN_SHARE * lines.shape[1]
    return plain
