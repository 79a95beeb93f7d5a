from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.similarity import small_limit
from hashing.hamming_join.buckets import Buckets
from hashing.hamming_join.fingerprints import Distances, Fingerprints, MatchRule, Positions, check_max_distance
from hashing.hamming_join.pair_list import PairList
from hashing.hamming_join.value_join import FractionListener, ValueJoin

# Called with the percentage that is done.
ProgressListener = Callable[[int], object]


class Pairs(NamedTuple):
    """Three arrays with a pair of rows at each position."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: Distances


def self_join(fingerprints: Fingerprints, max_distance: int, *, progress: ProgressListener | None = None) -> Pairs:
    """Return all pairs of matching rows, first < second, in order.

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
    join = ValueJoin(buckets.perceptual, buckets.vertical, small_limit(max_distance), add_matches)
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
