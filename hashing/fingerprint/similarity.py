"""The rule of docs/explanation/fingerprint.md for when two pictures match, in whole numbers.

SQL and NumPy use the same constants.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple

from hashing.fingerprint.fingerprint import ALL_BITS
from hashing.fingerprint.orientations import Orientation

# The largest `distance`: all bits of the three hashes differ.
LARGEST_DISTANCE = ALL_BITS

DEFAULT_MAX_DISTANCE = 100
# Below this quality, only files that are equal byte for byte match.
DEFAULT_MIN_QUALITY = 35
# The small hashes may differ in a fifth of `max_distance`.
SMALL_LIMIT_DIVISOR = 5
# `max_distance` applies in full from QUALITY_START + QUALITY_SPAN on, and shrinks to 0 at QUALITY_START.
QUALITY_START, QUALITY_SPAN = 30, 50
# Also assumed for a hash of unknown quality.
BEST_QUALITY = 100
# The share of `max_distance` within which what is inside a frame is compared. Copies that were framed and not changed
# otherwise are far nearer, and documents look alike without their margins.
INSIDE_SHARE = (3, 4)

# Bits of 64 in which two perceptual hashes may differ when nothing else is compared.
DEFAULT_HASH_DISTANCE = 5

# Editors read "very similar" up to the first distance, "similar" up to the second, and then "less similar". No distance
# means that two pictures are identical: frames of a burst may have the same hashes.
VERY_SIMILAR_DISTANCE, SIMILAR_DISTANCE = 12, 40


class Likeness(StrEnum):
    VERY_SIMILAR = "very similar"
    SIMILAR = "similar"
    LESS_SIMILAR = "less similar"


def small_limit(max_distance: int) -> int:
    """Return the number of bits, of 128, in which the two small hashes may differ."""
    return max_distance // SMALL_LIMIT_DIVISOR


def distance_limit(max_distance: int, quality: int | None) -> int:
    """Return the number of bits, of 384, in which all hashes may differ.

    `quality` is that of the picture with the lower one, None if unknown.
    """
    above_start = (BEST_QUALITY if quality is None else quality) - QUALITY_START
    return max_distance * min(max(above_start, 0), QUALITY_SPAN) // QUALITY_SPAN


def is_match(small_distance: int, detail_distance: int, quality: int | None, max_distance: int) -> bool:
    """Whether two pictures are the same. Checking the minimum quality is up to the caller."""
    return small_distance <= small_limit(max_distance) and (
        small_distance + detail_distance <= distance_limit(max_distance, quality)
    )


class Part(StrEnum):
    """What of a picture is compared: all of it, or what is inside its frame."""

    WHOLE = "whole"
    INSIDE = "inside"


def compared_parts(*, is_framed: bool, other_is_framed: bool) -> list[tuple[Part, Part]]:
    """Return what of one picture is compared with what of another one. The nearest match counts.

    Framed pictures are not compared as wholes: different ones look alike on the same white square.
    """
    if is_framed and other_is_framed:
        return [(Part.WHOLE, Part.INSIDE), (Part.INSIDE, Part.WHOLE), (Part.INSIDE, Part.INSIDE)]
    pairs = [(Part.WHOLE, Part.WHOLE)]
    if is_framed:
        pairs.append((Part.INSIDE, Part.WHOLE))
    if other_is_framed:
        pairs.append((Part.WHOLE, Part.INSIDE))
    return pairs


def distance_of_parts(max_distance: int, one: Part, other: Part) -> int:
    """Return the `max_distance` for two parts that are compared: three quarters of it where one is an inside."""
    numerator, denominator = INSIDE_SHARE
    return max_distance if one == other == Part.WHOLE else max_distance * numerator // denominator


class Framing(IntEnum):
    """Which of two pictures that match was compared by what is inside its frame.

    They are the picture that is searched for, and the row that is found.
    """

    NONE = 0
    ROW = 1
    QUERY = 2
    BOTH = 3

    @classmethod
    def of(cls, query: Part, row: Part) -> Framing:
        return cls(cls.QUERY * (query == Part.INSIDE) + cls.ROW * (row == Part.INSIDE))


class Match(NamedTuple):
    """How near two pictures are, without which of their frames, and in which orientation. The least is the nearest."""

    distance: int
    framing: Framing = Framing.NONE
    orientation: Orientation = Orientation.UPRIGHT


def likeness(distance: int) -> Likeness:
    if distance <= VERY_SIMILAR_DISTANCE:
        return Likeness.VERY_SIMILAR
    return Likeness.SIMILAR if distance <= SIMILAR_DISTANCE else Likeness.LESS_SIMILAR
