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
    """Remove plain rows from the top and the bottom of a box, then plain columns from the left and the right."""
    left, top, right, bottom = box
    rows = pixels[top:bottom, left:right]
    top, bottom = top + plain_lines(rows), bottom - plain_lines(rows[::-1])
    columns = pixels[top:bottom, left:right].T
    if columns.size:
        left, right = left + plain_lines(columns), right - plain_lines(columns[::-1])
    return PixelBox(left, top, right, bottom)


def plain_lines(lines: Levels) -> int:
    """Return the number of lines, from the first one on, that are a frame, with its soft edge."""
    lines = lines[:, :: -(-lines.shape[1] // MAX_SAMPLES)]
    first = lines[0]
    colour = int(np.partition(first, len(first) // 2)[len(first) // 2])
    if not is_plain(lines[:1], colour)[0]:
        return 0
    start = 0
    for number in count():
        block = is_plain(lines[start : start + (FIRST_BLOCK << number)], colour)
        if not len(block):
            return len(lines)
        if not block.all():
            return start + int(block.argmin()) + SOFT_LINES
        start += len(block)
    raise AssertionError


def is_plain(lines: Levels, colour: int) -> npt.NDArray[np.bool_]:
    lowest, highest = max(0, colour - MAX_DEVIATION), min(255, colour + MAX_DEVIATION)
    near = (lines >= lowest) & (lines <= highest)
    plain: npt.NDArray[np.bool_] = np.count_nonzero(near, axis=1) >= PLAIN_SHARE * lines.shape[1]
    return plain
