from __future__ import annotations

import threading

import numpy as np

from hashing.hamming_join.fingerprints import Positions, Values

# An answer has 18 bytes a pair, and three times that is held while it is made.
MAX_PAIRS = 100_000_000
# Pairs that are gathered before those found twice are dropped.
SLACK = 8_000_000
HALF = np.uint64(32)


class TooManyPairs(ValueError):
    """More pairs match than memory should be asked for."""


class PairList:
    """A set of pairs of positions below 2 ** 32, filled by several threads.

    Two positions are one number: half the memory, and sorted in no time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunks: list[Values] = []
        self._length = self._distinct = 0

    def add(self, first: Positions, second: Positions) -> None:
        """Raise `TooManyPairs` when there are more than `MAX_PAIRS` distinct ones with these."""
        if not len(first):
            return
        packed = first.astype(np.uint64) << HALF | second.astype(np.uint64)
        with self._lock:
            self._chunks.append(packed)
            self._length += len(packed)
            if self._length > min(2 * self._distinct + SLACK, self._distinct + MAX_PAIRS):
                self._drop_doubles()

    def sorted_pairs(self) -> tuple[Positions, Positions]:
        """Return all pairs, by first and then second position, and empty the list."""
        self._drop_doubles()
        (packed,) = self._chunks
        self._chunks, self._length, self._distinct = [], 0, 0
        first = (packed >> HALF).view(np.int64)
        packed &= np.uint64((1 << 32) - 1)
        return first, packed.view(np.int64)

    def _drop_doubles(self) -> None:
        packed = np.concatenate([np.empty(0, np.uint64), *self._chunks])
        self._chunks = []
        packed.sort()
        is_first = np.append(True, packed[1:] != packed[:-1])[: len(packed)]
        self._chunks = [packed if is_first.all() else packed[is_first]]
        self._length = self._distinct = len(self._chunks[0])
        refuse_too_many(self._distinct)


def refuse_too_many(count: int) -> None:
    """Raise `TooManyPairs` for more than `MAX_PAIRS`."""
    if count > MAX_PAIRS:
        raise TooManyPairs(f"More than {MAX_PAIRS:,} pairs match; ask for a smaller distance")
