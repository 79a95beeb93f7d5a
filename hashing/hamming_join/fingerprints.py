from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.fingerprint import DETAIL_BITS, HASH_BITS, Hashes
from hashing.fingerprint.orientations import orient
from hashing.fingerprint.similarity import (
    BEST_QUALITY,
    LARGEST_DISTANCE,
    Part,
    distance_limit,
    distance_of_parts,
    small_limit,
)

Values = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Distances = npt.NDArray[np.uint16]

DETAIL_WORDS = DETAIL_BITS // HASH_BITS


class RowKind(IntEnum):
    """Of what the hashes of a row are: all of a picture, or what is inside its frame."""

    UNFRAMED = 0
    FRAMED = 1
    INSIDE = 2


class Fingerprints(NamedTuple):
    """Hashes and qualities of many pictures: five arrays with a row for each; `detail` has four columns.

    The kind is a `RowKind`. Two rows of the kind FRAMED never match.
    """

    perceptual: Values
    vertical: Values
    detail: Values
    quality: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]

    @property
    def is_framed(self) -> Flags:
        framed: Flags = self.kind == RowKind.FRAMED
        return framed

    @property
    def size(self) -> int:
        return len(self.perceptual)

    def take(self, rows: Any) -> Fingerprints:
        """Return the rows that an index or a mask selects."""
        return Fingerprints(*(column[rows] for column in self))

    def joined(self, other: Fingerprints) -> Fingerprints:
        mine, theirs = list[npt.NDArray[Any]](self), list[npt.NDArray[Any]](other)
        return Fingerprints(*(np.concatenate(columns) for columns in zip(mine, theirs, strict=True)))

    def oriented(self, orientation: int) -> Fingerprints:
        """Return the fingerprints of the pictures after they were brought into `orientation`."""
        hashes = orient(Hashes(self.perceptual, self.vertical, self.detail), orientation)
        return Fingerprints(*hashes, self.quality, self.kind)

    def check(self) -> None:
        """Raise `ValueError` for arrays of unexpected shapes or types."""
        shapes = [column.shape for column in self]
        expected = [(self.size,), (self.size,), (self.size, DETAIL_WORDS), (self.size,), (self.size,)]
        types = [column.dtype for column in self]
        if shapes != expected or types != [np.uint64, np.uint64, np.uint64, np.uint8, np.uint8]:
            raise ValueError(f"Fingerprints are three arrays of uint64 and two of uint8, not {shapes} of {types}")


class MatchRule:
    """The rule of `hashing.fingerprint.similarity`, for pairs of rows of two tables."""

    def __init__(self, left: Fingerprints, right: Fingerprints, max_distance: int) -> None:
        self._left, self._right = left, right
        # By whether an inside is compared, the distances within which pairs match.
        distances = [distance_of_parts(max_distance, Part.WHOLE, part) for part in (Part.WHOLE, Part.INSIDE)]
        self._small_limits = np.array([small_limit(distance) for distance in distances], np.uint16)
        limits = [[distance_limit(distance, quality) for quality in range(BEST_QUALITY + 1)] for distance in distances]
        self._limits = np.array(limits, np.uint16)

    def matches(self, first: Positions, second: Positions) -> Flags:
        """Return which pairs match, given that not both are framed."""
        quality = np.minimum(self._left.quality[first], self._right.quality[second])
        has_inside = np.maximum(self._left.kind[first], self._right.kind[second]) // RowKind.INSIDE
        small = self._small_distances(first, second)
        found: Flags = small <= self._small_limits[has_inside]
        found &= self._add_detail(small, first, second) <= self._limits[has_inside, quality]
        return found

    def distances(self, first: Positions, second: Positions) -> Distances:
        return self._add_detail(self._small_distances(first, second), first, second)

    def _small_distances(self, first: Positions, second: Positions) -> Distances:
        differing = self._left.perceptual[first] ^ self._right.perceptual[second]
        bits: Distances = np.bitwise_count(differing).astype(np.uint16)
        bits += np.bitwise_count(self._left.vertical[first] ^ self._right.vertical[second])
        return bits

    def _add_detail(self, distances: Distances, first: Positions, second: Positions) -> Distances:
        for word in range(DETAIL_WORDS):
            distances += np.bitwise_count(self._left.detail[:, word][first] ^ self._right.detail[:, word][second])
        return distances


def check_max_distance(max_distance: int) -> None:
    """Raise `ValueError` for a distance outside 0 to 384."""
    if not 0 <= max_distance <= LARGEST_DISTANCE:
        raise ValueError(f"A distance must be between 0 and {LARGEST_DISTANCE}, not {max_distance}")
