"""All pairs of 64-bit values that differ in few bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from hashing.pairs.candidates import PositionPairs, Share, pairs_within
from hashing.pairs.key_plan import choose_keys
from hashing.pairs.sorted_by_key import SortedByKey

Values = npt.NDArray[np.uint64]

# Pairs that are handed on together.
BATCH = 1 << 16
# A run of this length with the same key is a problem of its own, with keys of its own.
LARGE_RUN = 1 << 13


def near_values(values: Values, distance: int, done: Share = lambda _share: None) -> Iterator[PositionPairs]:
    """Blocks of positions (i, j), i < j, in `values`, which are sorted and distinct. Each pair comes once.

    `done` is told the share of the work that is done, 0.0 to 1.0, now and then.
    """
    keys = choose_keys(values, distance)
    if keys == [0]:
        return pairs_within(values, distance, done)
    return near_values_by_keys(values, distance, keys, done)


def near_values_by_keys(values: Values, distance: int, keys: list[int], done: Share) -> Iterator[PositionPairs]:
    """The same, of values that agree in all bits of at least one of the keys."""
    for number, key in enumerate(keys):
        ordered = SortedByKey(values, key)
        for pairs in _batches(_with_same_key(ordered, distance)):
            # Those that agree in an earlier key were found by it.
            first, second = (ordered.positions(slots) for slots in ordered.without(pairs, keys[:number]))
            yield np.minimum(first, second), np.maximum(first, second)
        done((number + 1) / len(keys))


def _with_same_key(ordered: SortedByKey, distance: int) -> Iterator[PositionPairs]:
    long = ordered.long_runs()
    yield from ordered.in_short_runs(distance, long)
    for run in long:
        inside = ordered.values_of(run)
        # Never all of the values: these would be the same problem again.
        apart = LARGE_RUN < len(inside) < len(ordered)
        for i, j in near_values(inside, distance) if apart else pairs_within(inside, distance):
            yield run.start + i, run.start + j


def _batches(blocks: Iterable[PositionPairs]) -> Iterator[PositionPairs]:
    """The same pairs in fewer, larger blocks."""
    waiting: list[PositionPairs] = []
    number = 0
    for block in blocks:
        waiting.append(block)
        number += len(block[0])
        if number >= BATCH:
            yield _joined(waiting)
            waiting, number = [], 0
    if number:
        yield _joined(waiting)


def _joined(blocks: list[PositionPairs]) -> PositionPairs:
    return np.concatenate([first for first, _ in blocks]), np.concatenate([second for _, second in blocks])
