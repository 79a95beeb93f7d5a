from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.similarity import small_limit
from hashing.hamming_join.buckets import Buckets
from hashing.hamming_join.fingerprints import Distances, Fingerprints, MatchRule, Positions, check_max_distance
from hashing.hamming_join.self_join import PairList, Progress, in_per_cent, refuse_too_many
from hashing.hamming_join.value_join import Done, ValueJoin


class OrientedPairs(NamedTuple):
    """At each place of the four arrays, the second row matches the first one after its `orientation`."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: Distances
    orientation: npt.NDArray[np.uint8]

    @classmethod
    def best_of(cls, found: list[Self]) -> Self:
        """Each pair once, in order: with the least distance and number of an orientation."""
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
    progress: Progress | None = None,
) -> OrientedPairs:
    """As `self_join`, of rows of which one was brought into one of the orientations.

    Both directions, (a, b) and (b, a), come where both match: each with its best orientation, in the order of first
    and second. No row is a pair with itself. Pairs that match as they are may be among them.
    """
    fingerprints.check()
    check_max_distance(max_distance)
    done = in_per_cent(progress or (lambda _per_cent: None))
    found = list[OrientedPairs]()
    for number, orientation in enumerate(orientations):
        turned = fingerprints.oriented(orientation)
        pairs = _across(turned, fingerprints, max_distance, _nth(done, number, len(orientations)))
        first, second = pairs.sorted_pairs()
        refuse_too_many(len(first) + sum(len(other.first) for other in found))
        distance = MatchRule(turned, fingerprints, max_distance).distances(first, second)
        found.append(OrientedPairs(first, second, distance, np.full(len(first), orientation, np.uint8)))
    best = OrientedPairs.best_of(found)
    done(1.0)
    return best


def _across(turned: Fingerprints, upright: Fingerprints, max_distance: int, done: Done) -> PairList:
    """Pairs of a turned row and another upright one."""
    count = upright.size
    both = turned.joined(upright)
    rule, buckets, pairs = MatchRule(both, both, max_distance), Buckets(both), PairList()

    def found(i: Positions, j: Positions) -> None:
        for one, other in buckets.pairs_of_rows(i, j):
            first, second = np.minimum(one, other), np.maximum(one, other)
            across = (first < count) & (second >= count) & (first != second - count)
            first, second = first[across], second[across]
            matching = np.flatnonzero(rule.matches(first, second))
            pairs.add(first[matching], second[matching] - count)

    found(buckets.shared(), buckets.shared())
    ValueJoin(buckets.perceptual, buckets.vertical, small_limit(max_distance), found).run(done)
    return pairs


def _nth(done: Done, number: int, count: int) -> Done:
    """Of as many equal parts as there are orientations; a little is left for the end."""
    return lambda share: done(0.99 * (number + share) / count)
