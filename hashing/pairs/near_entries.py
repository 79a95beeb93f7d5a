"""All pairs of entries that are near by their first hash, and by their second one where that is asked.

The first hashes are joined as values, each once, and what was found is taken apart into entries. Where a crowd shares
one value (the hash of plain pictures), most pairs of its entries differ in the second hash and would be made in vain.
So crowds are put aside and joined among themselves the other way round: by the second hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt

from hashing.pairs.bit_order import BITS
from hashing.pairs.candidates import PositionPairs, Positions, Share
from hashing.pairs.hash_groups import HashGroups
from hashing.pairs.near_values import near_values

Values = npt.NDArray[np.uint64]

# Two groups with more pairs of entries than this are crowds to each other.
CROWD = 16


def near_entries(
    hashes: Values, confirming: Values, distance: int, confirm_distance: int | None, done: Share
) -> Iterator[PositionPairs]:
    """Blocks of pairs of positions within both distances, in no order; each pair comes once, in either direction."""
    if confirm_distance is None or confirm_distance >= BITS:
        yield from _joined(HashGroups(hashes), distance, done)
    # The stricter distance leaves less to look at.
    elif confirm_distance < distance:
        yield from _confirmed(confirming, hashes, confirm_distance, distance, done)
    else:
        yield from _confirmed(hashes, confirming, distance, confirm_distance, done)


def _confirmed(
    hashes: Values, confirming: Values, distance: int, confirm_distance: int, done: Share
) -> Iterator[PositionPairs]:
    groups = HashGroups(hashes)
    crowded = np.zeros(len(groups.hashes), np.bool_)
    for i, j in _near_groups(groups, distance, done):
        crowds = groups.sizes[i] * groups.sizes[j] > CROWD
        crowded[i[crowds]] = crowded[j[crowds]] = True
        for pairs in groups.pairs_of_entries(i[~crowds], j[~crowds]):
            yield _within(confirming, pairs, confirm_distance)
    if crowded.any():
        entries, sizes = groups.entries_of(crowded), np.repeat(groups.sizes, groups.sizes * crowded)
        del groups
        for first, second in _joined(HashGroups(confirming[entries]), confirm_distance):
            crowds = sizes[first] * sizes[second] > CROWD
            yield _within(hashes, (entries[first[crowds]], entries[second[crowds]]), distance)


def _joined(groups: HashGroups, distance: int, done: Share = lambda _share: None) -> Iterator[PositionPairs]:
    for i, j in _near_groups(groups, distance, done):
        yield from groups.pairs_of_entries(i, j)


def _near_groups(groups: HashGroups, distance: int, done: Share) -> Iterator[PositionPairs]:
    """Each group is near itself."""
    several: Positions = np.flatnonzero(groups.sizes > 1)
    return chain(near_values(groups.hashes, distance, done), [(several, several)])


def _within(hashes: Values, pairs: PositionPairs, distance: int) -> PositionPairs:
    first, second = pairs
    near = np.bitwise_count(hashes[first] ^ hashes[second]) <= distance
    return first[near], second[near]
