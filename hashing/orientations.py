"""The eight ways a copy can lie: mirrored, flipped, turned by quarters.

Turning a picture moves and negates the bits of its two hashes, so the hashes of all eight are known from one. Where
neighbouring cells are equally bright the real hash of a turned copy differs from the derived one, by 1.8 bits in the
mean. All of this works on whole numbers and on arrays of `uint64` alike.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from django.db.models import IntegerChoices
from django.utils.translation import gettext_lazy as _

Bits = TypeVar("Bits", int, npt.NDArray[np.uint64])

ALL_BITS = 0xFFFFFFFFFFFFFFFF


class Orientation(IntegerChoices):
    """What was done to a picture to get its copy. The numbers are those of EXIF, 1 to 8."""

    UPRIGHT = 1, _("upright")
    MIRRORED = 2, _("mirrored")
    HALF_TURN = 3, _("turned by 180°")
    FLIPPED = 4, _("flipped")
    TRANSPOSED = 5, _("turned right, mirrored")
    TURNED_RIGHT = 6, _("turned right")
    TRANSVERSED = 7, _("turned left, mirrored")
    TURNED_LEFT = 8, _("turned left")


IS_TRANSPOSED = frozenset({5, 6, 7, 8})
IS_MIRRORED = frozenset({2, 3, 6, 7})
IS_FLIPPED = frozenset({3, 4, 7, 8})


def orient(perceptual: Bits, vertical: Bits, orientation: int) -> tuple[Bits, Bits]:
    """Both hashes of the picture after it was brought into `orientation`."""
    if orientation in IS_TRANSPOSED:
        perceptual, vertical = _transposed(vertical), _transposed(perceptual)
    if orientation in IS_MIRRORED:
        perceptual, vertical = _columns_reversed(perceptual) ^ ALL_BITS, _columns_reversed(vertical)
    if orientation in IS_FLIPPED:
        perceptual, vertical = _rows_reversed(perceptual), _rows_reversed(vertical) ^ ALL_BITS
    return perceptual, vertical


def _columns_reversed(bits: Any) -> Any:
    """A byte is a row of the 8 x 8 bits, the first row and the first column are the most significant."""
    for shift, mask in ((1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F)):
        bits = (bits >> shift) & mask | (bits & mask) << shift
    return bits


def _rows_reversed(bits: Any) -> Any:
    for shift, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
        bits = (bits >> shift) & mask | (bits & mask) << shift
    return bits


def _transposed(bits: Any) -> Any:
    """Swaps squares of 1, 2 and 4 cells across the diagonal (Warren, Hacker's Delight, section 7-3)."""
    for shift, mask in ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0)):
        swapped = (bits ^ bits >> shift) & mask
        bits = bits ^ swapped ^ swapped << shift
    return bits
