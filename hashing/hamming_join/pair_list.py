from __future__ import annotations

import threading

import numpy as np

from hashing.hamming_join.fingerprints import Positions, Values

# An answer has 18 bytes a pair, and building it takes three times that.
MAX_PAIRS = 100_000_000
# Pairs that are collected before duplicates are dropped.
SLACK = 8_000_000
HALF = np.uint64(32)


class TooManyPairs(ValueError):
    """More pairs match than fit into memory."""


class PairList:
    """A set of pairs of positions below 2 ** 32, filled by several threads.

    A pair is stored as one number: that takes half the memory, and sorts fast.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunks: list[Values] = []
        self._length = self._distinct = 0

    def add(self, first: Positions, second: Positions) -> None:
        """Add pairs. Raise `TooManyPairs` if there are more than `MAX_PAIRS` distinct ones now."""
        if not len(first):
            return
        packed = first.astype(np.uint64) << HALF | second.astype(np.uint64)
        with self._lock:
            self._chunks.append(packed)
            self._length += len(packed)
            if self._length > min(2 * self._distinct + SLACK, self._distinct + MAX_PAIRS):
                self._drop_duplicates()

    def sorted_pairs(self) -> tuple[Positions, Positions]:
        """Return all pairs, ordered by first and then second position, and empty the list."""
        self._drop_duplicates()
        (packed,) = self._chunks
        self._chunks, self._length, self._distinct = [], 0, 0
        first = (packed >> HALF).view(np.int64)
        packed &= np.uint64((1 << 32) - 1)
        return first, packed.view(np.int64)

    def _drop_duplicates(self) -> None:
        packed = np.concatenate([np.empty(0, np.uint64), *self._chunks])
        self._chunks = []
        packed.sort()
        is_first = np.append(True, packed[1:] != packed[:-1])[: len(packed)]
        self._chunks = [packed if is_first.all() else packed[is_first]]
        self._length = self._distinct = len(self._chunks[0])
        check_pair_count(self._distinct)


def check_pair_count(count: int) -> None:
    if count > MAX_PAIRS:
        raise TooManyPairs(f"More than {MAX_PAIRS:,} pairs match; ask for a smaller distance")
