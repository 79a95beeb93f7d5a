from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.hamming_join.buckets import Buckets
from hashing.hamming_join.fingerprints import Distances, Fingerprints, MatchRule, Positions, check_max_distance
from hashing.hamming_join.pair_list import PairList
from hashing.hamming_join.value_join import Done, ValueJoin
from hashing.similarity import small_limit

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
