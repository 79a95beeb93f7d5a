"""The eight ways a copy can lie: mirrored, flipped, turned by quarters.

Turning a picture moves and negates the bits of its hashes, so the hashes of all eight are known from one. Where
neighbouring cells are equally bright the real hash of a turned copy differs from the derived one, by 1.8 bits in the
mean. All of this works on whole numbers and on arrays of `uint64` alike.

Mirroring a picture negates its odd horizontal frequencies, flipping it the odd vertical ones, and transposing it swaps
the two directions. A negated frequency lies on the other side of the median if that is 0. It is nearly so: of 256 bits,
the derived `detail_hash` of a turned photograph differs from the real one by 7.7 in the mean, and by 32 in one of 100.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import IntegerChoices
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Bits = TypeVar("Bits", int, "npt.NDArray[np.uint64]")

ALL_BITS = 0xFFFFFFFFFFFFFFFF
ODD_COLUMNS = 0x5555555555555555
ODD_ROWS = 0x0000FFFF0000FFFF
FIRST_TILE = 0xF000F000F000F000
_WORD_SHIFTS = (192, 128, 64, 0)


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


TURNED = tuple(each for each in Orientation if each != Orientation.UPRIGHT)
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


def orient_detail(detail: Bits, orientation: int) -> Bits:
    """Return the detail hash of the picture after it was brought into `orientation`.

    In an array, the last axis has the four words of a hash, the most significant first.
    """
    if isinstance(detail, int):
        words = _words_oriented([detail >> shift & ALL_BITS for shift in _WORD_SHIFTS], orientation)
        return sum(word << shift for word, shift in zip(words, _WORD_SHIFTS, strict=True))
    turned = detail.copy()
    for place, word in enumerate(_words_oriented([detail[..., place] for place in range(4)], orientation)):
        turned[..., place] = word
    return turned


def _words_oriented(words: list[Any], orientation: int) -> list[Any]:
    """A word is four rows of 16 bits, the first row and the first column are the most significant."""
    if orientation in IS_TRANSPOSED:
        words = _tiles_exchanged([_tiles_transposed(word) for word in words])
    if orientation in IS_MIRRORED:
        words = [word ^ ODD_COLUMNS for word in words]
    if orientation in IS_FLIPPED:
        words = [word ^ ODD_ROWS for word in words]
    return words


def _tiles_transposed(bits: Any) -> Any:
    """Transpose each of the four tiles of 4 x 4 bits that lie side by side in a word."""
    for shift, mask in ((15, 0x0000AAAA0000AAAA), (30, 0x00000000CCCCCCCC)):
        swapped = (bits ^ bits >> shift) & mask
        bits = bits ^ swapped ^ swapped << shift
    return bits


def _tiles_exchanged(words: list[Any]) -> list[Any]:
    """Let the tiles of each word change places across the diagonal with those of the others."""
    return [
        reduce(or_, (_moved(word & FIRST_TILE >> 4 * row, 4 * (column - row)) for column, word in enumerate(words)))
        for row in range(len(words))
    ]


def _moved(bits: Any, places: int) -> Any:
    return bits >> places if places > 0 else bits << -places


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
