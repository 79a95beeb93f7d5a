"""When two pictures are the same, in whole numbers: the one rule that SQL, NumPy and single comparisons follow.

Two small hashes, which the database indexes, find candidates; a large one decides. How far apart two pictures may be
follows the lower of their qualities: the less a picture gives a hash to hold on to, the nearer its copies must be.
"""

from __future__ import annotations

from enum import StrEnum

from hashing.fingerprint.fingerprint import DETAIL_BITS, HASH_BITS

# `perceptual_hash` and `vertical_hash` together.
SMALL_BITS = 2 * HASH_BITS
# The largest `distance`: bits in which all three hashes differ.
LARGEST_DISTANCE = SMALL_BITS + DETAIL_BITS

DEFAULT_MAX_DISTANCE = 100
# Below this quality only files that are equal byte for byte match.
DEFAULT_MIN_QUALITY = 35
# Of `max_distance`, one part in five is for the small hashes.
SMALL_SHARE = 5
# `max_distance` holds in full from QUALITY_START + QUALITY_SPAN on, and not at all up to QUALITY_START.
QUALITY_START, QUALITY_SPAN = 30, 50
# Quality that a hash of unknown quality is taken to have.
BEST_QUALITY = 100

# Bits of 64 in which two perceptual hashes may differ when they are compared by themselves.
DEFAULT_HASH_DISTANCE = 5

# Up to these distances, editors read "looks identical" and "nearly identical"; beyond, "similar".
IDENTICAL_DISTANCE, NEARLY_IDENTICAL_DISTANCE = 12, 40


class Likeness(StrEnum):
    IDENTICAL = "identical"
    NEARLY_IDENTICAL = "nearly identical"
    SIMILAR = "similar"


def small_limit(max_distance: int) -> int:
    """Return the bits of 128 in which the two small hashes may differ."""
    return max_distance // SMALL_SHARE


def distance_limit(max_distance: int, quality: int | None) -> int:
    """Return the bits of 384 in which all hashes may differ; `quality` is the lower of two, None if unknown."""
    above = (BEST_QUALITY if quality is None else quality) - QUALITY_START
    return max_distance * min(max(above, 0), QUALITY_SPAN) // QUALITY_SPAN


def is_match(small_distance: int, detail_distance: int, quality: int | None, max_distance: int) -> bool:
    """Return whether two pictures are the same. The minimum quality is the caller's to ask."""
    return small_distance <= small_limit(max_distance) and (
        small_distance + detail_distance <= distance_limit(max_distance, quality)
    )


def likeness(distance: int) -> Likeness:
    if distance <= IDENTICAL_DISTANCE:
        return Likeness.IDENTICAL
    return Likeness.NEARLY_IDENTICAL if distance <= NEARLY_IDENTICAL_DISTANCE else Likeness.SIMILAR
