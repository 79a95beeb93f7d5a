from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.similarity import small_limit
from hashing.hamming_join.buckets import Buckets
from hashing.hamming_join.fingerprints import Distances, Fingerprints, MatchRule, Positions, check_max_distance
from hashing.hamming_join.self_join import PairList, ProgressListener, as_percentage, check_pair_count
from hashing.hamming_join.value_join import FractionListener, ValueJoin


class OrientedPairs(NamedTuple):
    """Four arrays with a pair at each position: the second row matches the first one in its `orientation`."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: Distances
    orientation: npt.NDArray[np.uint8]

    @classmethod
    def best_of(cls, found: list[Self]) -> Self:
        """Return each pair once, in order: with the smallest distance, and then the smallest orientation."""
        columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
        order = np.lexsort(columns[3:1:-1] + columns[1::-1])
        first, second = columns[0][order], columns[1][order]
        is_best = np.append(True, (first[1:] != first[:-1]) | (second[1:] != second[:-1]))[: len(order)]
        return cls(*(column[order[is_best]] for column in columns))


def orientation_join(
    fingerprints: Fingerprints,
    orientations: Sequence[int],
    max_distance: int,
    *,
    progress: ProgressListener | None = None,
) -> OrientedPairs:
    """Return all pairs of different rows that match when the first is brought into one of the orientations.

    Each pair comes once, with its best orientation, in the order of first and second; (a, b) and (b, a) are two pairs.
    Pairs that also match upright may be among them. Raise the errors of `self_join`.
    """
    fingerprints.check()
    check_max_distance(max_distance)
    report = as_percentage(progress or (lambda _percentage: None))
    found = list[OrientedPairs]()
    for number, orientation in enumerate(orientations):
        turned = fingerprints.oriented(orientation)
        pairs = two_table_join(turned, fingerprints, max_distance, nth_of(report, number, len(orientations)))
        first, second = pairs.sorted_pairs()
        check_pair_count(len(first) + sum(len(other.first) for other in found))
        distance = MatchRule(turned, fingerprints, max_distance).distances(first, second)
        found.append(OrientedPairs(first, second, distance, np.full(len(first), orientation, np.uint8)))
    best = OrientedPairs.best_of(found)
    report(1.0)
    return best


def two_table_join(
    turned: Fingerprints, upright: Fingerprints, max_distance: int, report: FractionListener
) -> PairList:
    """Return the pairs of a turned and an upright row, except each row with itself."""
    count = upright.size
    both = turned.joined(upright)
    rule, buckets, pairs = MatchRule(both, both, max_distance), Buckets(both), PairList()

    def add_matches(i: Positions, j: Positions) -> None:
        for one, other in buckets.pairs_of_rows(i, j):
            first, second = np.minimum(one, other), np.maximum(one, other)
            across = (first < count) & (second >= count) & (first != second - count)
            first, second = first[across], second[across]
            matching = np.flatnonzero(rule.matches(first, second))
            pairs.add(first[matching], second[matching] - count)

    add_matches(buckets.shared(), buckets.shared())
    join = ValueJoin(buckets.perceptual, buckets.vertical, buckets.is_framed, small_limit(max_distance), add_matches)
    join.run(report)
    return pairs


def nth_of(report: FractionListener, number: int, count: int) -> FractionListener:
    """Return a listener to one of `count` equal parts. The last percent is for combining them."""
    return lambda fraction: report(0.99 * (number + fraction) / count)
