"""All pairs of entries of which one is near to the other when that was mirrored, flipped or turned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from hashing.orientations import Orientation, orient
from hashing.pairs.candidates import PositionPairs, Share
from hashing.pairs.near_entries import near_entries
from hashing.pairs.near_pairs import Progress, check_request, in_per_cent
from hashing.pairs.pair_list import PairList, Values, distances, refuse_too_many

TURNED = tuple(orientation for orientation in Orientation if orientation != Orientation.UPRIGHT)


class TurnedPairs(NamedTuple):
    """At each place of the five arrays, the second entry is near to the first one after its `orientation`."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: npt.NDArray[np.uint8]
    confirm_distance: npt.NDArray[np.uint8]
    orientation: npt.NDArray[np.uint8]

    @classmethod
    def best_of(cls, found: list[Self]) -> Self:
        """Each pair once, in order: with the least distance, confirm distance and number of an orientation."""
        columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
        order = np.lexsort(columns[4:1:-1] + columns[1::-1])
        first, second = columns[0][order], columns[1][order]
        is_best = np.append(True, (first[1:] != first[:-1]) | (second[1:] != second[:-1]))[: len(order)]
        return cls(*(column[order[is_best]] for column in columns))


def find_turned_pairs(
    perceptual: Values,
    vertical: Values,
    max_distance: int,
    confirm_distance: int | None,
    *,
    progress: Progress | None = None,
) -> TurnedPairs:
    """As `find_near_pairs`, of entries that were brought into another orientation than upright.

    Both directions, (a, b) and (b, a), come where both match: each with its best orientation, in the order of first
    and second. No entry is a pair with itself. Pairs that are near as they are may be among them.
    """
    check_request(perceptual, vertical, max_distance, confirm_distance)
    done = in_per_cent(progress or (lambda _per_cent: None))
    upright, found = (perceptual, vertical), list[TurnedPairs]()
    for number, orientation in enumerate(TURNED):
        turned = orient(*upright, orientation)
        pairs = PairList()
        for pair in _across(turned, upright, (max_distance, confirm_distance), _nth(done, number)):
            pairs.add(*pair)
        first, second = pairs.take_sorted()
        refuse_too_many(len(first) + sum(len(other.first) for other in found))
        distance, confirm = (distances(turned[side], upright[side], first, second) for side in (0, 1))
        found.append(TurnedPairs(first, second, distance, confirm, np.full(len(first), orientation, np.uint8)))
    best = TurnedPairs.best_of(found)
    done(1.0)
    return best


def _across(
    turned: tuple[Values, Values], upright: tuple[Values, Values], limits: tuple[int, int | None], done: Share
) -> Iterator[PositionPairs]:
    """Pairs of a turned entry and another upright one."""
    count = len(upright[0])
    hashes, confirming = (np.concatenate(sides) for sides in zip(turned, upright, strict=True))
    for i, j in near_entries(hashes, confirming, *limits, done):
        first, second = np.minimum(i, j), np.maximum(i, j) - count
        across = (first < count) & (second >= 0) & (first != second)
        yield first[across], second[across]


def _nth(done: Share, number: int) -> Share:
    """Of as many equal parts as there are orientations; a little is left for the end."""
    return lambda share: done(0.99 * (number + share) / len(TURNED))
