from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.similarity import small_limit
from hashing.hamming_join.buckets import Buckets
from hashing.hamming_join.fingerprints import Distances, Fingerprints, MatchRule, Positions, Values, check_max_distance
from hashing.hamming_join.value_join import FractionListener, ValueJoin

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


# Called with the percentage that is done.
ProgressListener = Callable[[int], object]


class Pairs(NamedTuple):
    """Three arrays with a pair of rows at each position."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: Distances


def self_join(fingerprints: Fingerprints, max_distance: int, *, progress: ProgressListener | None = None) -> Pairs:
    """Return all pairs of matching rows, first < second, in order. Two rows that are framed do not match.

    Equal rows should be given once, because each two of them are a pair. `progress` is called with percentages that
    rise to 100.

    Raise `TooManyPairs` for more than 100 million pairs, before allocating memory for them, and `ValueError` for a
    distance outside 0 to 384 or malformed arrays.
    """
    fingerprints.check()
    check_max_distance(max_distance)
    report = as_percentage(progress or (lambda _percentage: None))
    rule, buckets, pairs = MatchRule(fingerprints, fingerprints, max_distance), Buckets(fingerprints), PairList()

    def add_matches(i: Positions, j: Positions) -> None:
        for one, other in buckets.pairs_of_rows(i, j):
            matching = np.flatnonzero(rule.matches(one, other))
            first, second = one[matching], other[matching]
            pairs.add(np.minimum(first, second), np.maximum(first, second))

    add_matches(buckets.shared(), buckets.shared())
    join = ValueJoin(buckets.perceptual, buckets.vertical, buckets.is_framed, small_limit(max_distance), add_matches)
    # The last percent is for sorting the answer.
    join.run(lambda fraction: report(0.99 * fraction))
    first, second = pairs.sorted_pairs()
    answer = Pairs(first, second, rule.distances(first, second))
    report(1.0)
    return answer


def as_percentage(progress: ProgressListener) -> FractionListener:
    """Return a listener to fractions that calls `progress` once for each whole percentage."""
    reported = -1

    def report(fraction: float) -> None:
        nonlocal reported
        percentage = int(fraction * 100)
        if percentage > reported:
            reported = percentage
            progress(percentage)

    return report
