from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.similarity import small_limit
from hashing.hamming_join.buckets import Buckets
from hashing.hamming_join.fingerprints import Distances, Fingerprints, MatchRule, Positions, Values, check_max_distance
from hashing.hamming_join.value_join import Done, ValueJoin

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


Progress = Callable[[int], object]


class Pairs(NamedTuple):
    """One pair of rows at each place of the three arrays."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: Distances


def self_join(fingerprints: Fingerprints, max_distance: int, *, progress: Progress | None = None) -> Pairs:
    """Return all pairs of matching rows, first < second, in their order.

    Rows that are equal should be given once, since each is a pair with each other. `progress` is called with the per
    cent that are done, rising to 100.

    Raises `TooManyPairs` for more than 100 million pairs, before the memory for them is taken, and `ValueError` for a
    distance outside 0 to 384 or arrays that are no fingerprints.
    """
    fingerprints.check()
    check_max_distance(max_distance)
    done = in_per_cent(progress or (lambda _per_cent: None))
    rule, buckets, pairs = MatchRule(fingerprints, fingerprints, max_distance), Buckets(fingerprints), PairList()

    def found(i: Positions, j: Positions) -> None:
        for one, other in buckets.pairs_of_rows(i, j):
            matching = np.flatnonzero(rule.matches(one, other))
            first, second = one[matching], other[matching]
            pairs.add(np.minimum(first, second), np.maximum(first, second))

    found(buckets.shared(), buckets.shared())
    # The answer is still to be put in order when all values are joined.
    join = ValueJoin(buckets.perceptual, buckets.vertical, small_limit(max_distance), found)
    join.run(lambda share: done(0.99 * share))
    first, second = pairs.sorted_pairs()
    answer = Pairs(first, second, rule.distances(first, second))
    done(1.0)
    return answer


def in_per_cent(progress: Progress) -> Done:
    """Return a function of shares that calls `progress` with whole per cent, with each of them once."""
    told = -1

    def done(share: float) -> None:
        nonlocal told
        per_cent = int(share * 100)
        if per_cent > told:
            told = per_cent
            progress(per_cent)

    return done
