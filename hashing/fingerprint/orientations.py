from __future__ import annotations

from enum import IntEnum
from functools import reduce
from operator import or_
from typing import Any

from hashing.fingerprint.fingerprint import HASH_BITS, Bits, Hashes

WORD = (1 << HASH_BITS) - 1
WORD_SHIFTS = (192, 128, 64, 0)
# Masks of a word of `detail_hash`, which is four of its 16 rows.
ODD_COLUMNS = 0x5555555555555555
ODD_ROWS = 0x0000FFFF0000FFFF
FIRST_TILE = 0xF000F000F000F000


class Orientation(IntEnum):
    """What was done to a picture to get its copy. The numbers are those of EXIF."""

    UPRIGHT = 1
    MIRRORED = 2
    HALF_TURN = 3
    FLIPPED = 4
    TRANSPOSED = 5
    TURNED_RIGHT = 6
    TRANSVERSED = 7
    TURNED_LEFT = 8


TURNED = tuple(each for each in Orientation if each != Orientation.UPRIGHT)
IS_TRANSPOSED = frozenset({5, 6, 7, 8})
IS_MIRRORED = frozenset({2, 3, 6, 7})
IS_FLIPPED = frozenset({3, 4, 7, 8})


def orient(hashes: Hashes[Bits], orientation: int) -> Hashes[Bits]:
    """Return the hashes of the picture after it was brought into `orientation`.

    They differ from those of the turned file in a few bits: see docs/explanation/fingerprint.md.
    """
    perceptual, vertical, detail = hashes
    if orientation in IS_TRANSPOSED:
        perceptual, vertical = transpose_bits(vertical), transpose_bits(perceptual)
    if orientation in IS_MIRRORED:
        perceptual, vertical = reverse_columns(perceptual) ^ WORD, reverse_columns(vertical)
    if orientation in IS_FLIPPED:
        perceptual, vertical = reverse_rows(perceptual), reverse_rows(vertical) ^ WORD
    return Hashes(perceptual, vertical, orient_detail(detail, orientation))


# The bits of a small hash are an 8 x 8 square: a byte is a row, the most significant bit the first column.


def reverse_columns(bits: Any) -> Any:
    for shift, mask in ((1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F)):
        bits = (bits >> shift) & mask | (bits & mask) << shift
    return bits


def reverse_rows(bits: Any) -> Any:
    for shift, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
        bits = (bits >> shift) & mask | (bits & mask) << shift
    return bits


def transpose_bits(bits: Any) -> Any:
    """Swap squares of 1, 2 and 4 cells across the diagonal (Warren, Hacker's Delight, section 7-3)."""
    for shift, mask in ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0)):
        swapped = (bits ^ bits >> shift) & mask
        bits = bits ^ swapped ^ swapped << shift
    return bits


# The bits of the detail hash are a 16 x 16 square: a word is four rows, the most significant bit the first column.


def orient_detail(detail: Bits, orientation: int) -> Bits:
    if isinstance(detail, int):
        words = _orient_words([detail >> shift & WORD for shift in WORD_SHIFTS], orientation)
        return sum(word << shift for word, shift in zip(words, WORD_SHIFTS, strict=True))
    oriented = detail.copy()
    for number, word in enumerate(_orient_words([detail[..., number] for number in range(4)], orientation)):
        oriented[..., number] = word
    return oriented


def _orient_words(words: list[Any], orientation: int) -> list[Any]:
    if orientation in IS_TRANSPOSED:
        words = exchange_tiles([transpose_tiles(word) for word in words])
    if orientation in IS_MIRRORED:
        words = [word ^ ODD_COLUMNS for word in words]
    if orientation in IS_FLIPPED:
        words = [word ^ ODD_ROWS for word in words]
    return words


def transpose_tiles(bits: Any) -> Any:
    """Transpose each of the four tiles of 4 x 4 bits that lie side by side in a word."""
    for shift, mask in ((15, 0x0000AAAA0000AAAA), (30, 0x00000000CCCCCCCC)):
        swapped = (bits ^ bits >> shift) & mask
        bits = bits ^ swapped ^ swapped << shift
    return bits


def exchange_tiles(words: list[Any]) -> list[Any]:
    """Move the tiles of each word across the diagonal of the 4 x 4 tiles of a hash."""
    exchanged = []
    for row in range(len(words)):
        tiles = [word & FIRST_TILE >> 4 * row for word in words]
        shifts = [4 * (column - row) for column in range(len(words))]
        moved = [tile >> shift if shift > 0 else tile << -shift for tile, shift in zip(tiles, shifts, strict=True)]
        exchanged.append(reduce(or_, moved))
    return exchanged
