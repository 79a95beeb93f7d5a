from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.fingerprint import DETAIL_BITS, HASH_BITS, Hashes
from hashing.fingerprint.orientations import orient
from hashing.fingerprint.similarity import BEST_QUALITY, LARGEST_DISTANCE, distance_limit

Values = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Distances = npt.NDArray[np.uint16]

DETAIL_WORDS = DETAIL_BITS // HASH_BITS


class Fingerprints(NamedTuple):
    """Hashes and qualities of many pictures: five arrays with a row for each; `detail` has four columns.

    A row is all of a picture or what is inside its frame. `is_framed` flags all of a picture that has a frame: two such
    rows never match.
    """

    perceptual: Values
    vertical: Values
    detail: Values
    quality: npt.NDArray[np.uint8]
    is_framed: Flags

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
        return Fingerprints(*hashes, self.quality, self.is_framed)

    def check(self) -> None:
        """Raise `ValueError` for arrays of unexpected shapes or types."""
        shapes = [column.shape for column in self]
        expected = [(self.size,), (self.size,), (self.size, DETAIL_WORDS), (self.size,), (self.size,)]
        kinds = [column.dtype for column in self]
        if shapes != expected or kinds != [np.uint64, np.uint64, np.uint64, np.uint8, np.bool_]:
            raise ValueError(
                f"Fingerprints are three arrays of uint64, one of uint8 and one of bool, not {shapes} of {kinds}"
            )


class MatchRule:
    """The rule of `hashing.fingerprint.similarity`, for pairs of rows of two tables."""

    def __init__(self, left: Fingerprints, right: Fingerprints, max_distance: int) -> None:
        self._left, self._right = left, right
        self._limits = np.array([distance_limit(max_distance, each) for each in range(BEST_QUALITY + 1)], np.uint16)

    def matches(self, first: Positions, second: Positions) -> Flags:
        """Return which pairs match, given that their small hashes do and not both are framed."""
        quality = np.minimum(self._left.quality[first], self._right.quality[second])
        return self.distances(first, second) <= self._limits[quality]

    def distances(self, first: Positions, second: Positions) -> Distances:
        total = np.zeros(len(first), np.uint16)
        for left, right in self._words():
            total += np.bitwise_count(left[first] ^ right[second])
        return total

    def _words(self) -> list[tuple[Values, Values]]:
        words = [(self._left.perceptual, self._right.perceptual), (self._left.vertical, self._right.vertical)]
        return words + [(self._left.detail[:, word], self._right.detail[:, word]) for word in range(DETAIL_WORDS)]


def check_max_distance(max_distance: int) -> None:
    """Raise `ValueError` for a distance outside 0 to 384."""
    if not 0 <= max_distance <= LARGEST_DISTANCE:
        raise ValueError(f"A distance must be between 0 and {LARGEST_DISTANCE}, not {max_distance}")
