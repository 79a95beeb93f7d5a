"""Pairs that were found, until all are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hashing.pairs.candidates import Positions

Values = npt.NDArray[np.uint64]
Distances = npt.NDArray[np.uint8]

# An answer has 18 bytes a pair, and three times that is held while it is made.
MOST_PAIRS = 100_000_000
CHUNK = 1 << 18
HALF = np.uint64(32)


class TooManyPairs(ValueError):
    """More pairs are within the distances than memory should be asked for."""


class PairList:
    """Positions below 2 ** 32, two of them held as one number: half the memory, and sorted in no time."""

    def __init__(self) -> None:
        self._chunks: list[Values] = []
        self._length = 0

    def add(self, first: Positions, second: Positions) -> None:
        """Raises `TooManyPairs` when there are more than `MOST_PAIRS` with these."""
        self._length += len(first)
        refuse_too_many(self._length)
        if len(first):
            self._chunks.append(first.astype(np.uint64) << HALF | second.astype(np.uint64))

    def take_sorted(self) -> tuple[Positions, Positions]:
        """All pairs, by first and then second position. The list is empty afterwards."""
        packed = np.concatenate([np.empty(0, np.uint64), *self._chunks])
        self._chunks, self._length = [], 0
        packed.sort()
        first = (packed >> HALF).view(np.int64)
        packed &= np.uint64((1 << 32) - 1)
        return first, packed.view(np.int64)


def refuse_too_many(count: int) -> None:
    """Raises `TooManyPairs` for more than `MOST_PAIRS`."""
    if count > MOST_PAIRS:
        raise TooManyPairs(f"More than {MOST_PAIRS:,} pairs are within the distances; ask for smaller ones")


def distances(left: Values, right: Values, first: Positions, second: Positions) -> Distances:
    """Bits in which left[first] and right[second] differ, pair by pair."""
    found = np.empty(len(first), np.uint8)
    for start in range(0, len(first), CHUNK):
        part = slice(start, start + CHUNK)
        np.bitwise_count(left[first[part]] ^ right[second[part]], out=found[part])
    return found
