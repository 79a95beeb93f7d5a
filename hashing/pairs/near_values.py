"""All pairs of 64-bit values that differ in few bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from hashing.pairs.bit_order import BITS, BitOrder
from hashing.pairs.candidates import PositionPairs, Share, long_runs, pairs_in_short_runs, pairs_within
from hashing.pairs.key_plan import choose_keys

Values = npt.NDArray[np.uint64]
ValuePairs = tuple[Values, Values]

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
        yield from pairs_within(values, distance, done)
        return
    for first, second in near_values_by_keys(values, distance, keys, done):
        yield np.searchsorted(values, first), np.searchsorted(values, second)


def near_values_by_keys(values: Values, distance: int, keys: list[int], done: Share) -> Iterator[ValuePairs]:
    """Blocks of pairs (a, b), a < b, that agree in all bits of at least one of the keys. Each pair comes once."""
    for number, key in enumerate(keys):
        order = BitOrder.with_first(key)
        rest = (1 << BITS - key.bit_count()) - 1
        moved = order.apply(values)
        moved.sort()
        for first, second in _batches(_values_at(moved, pairs) for pairs in _pairs_of_key(moved, rest, distance)):
            yield _not_found_before(order.inverse.apply(first), order.inverse.apply(second), keys[:number])
        done((number + 1) / len(keys))


def _pairs_of_key(moved: Values, rest: int, distance: int) -> Iterator[PositionPairs]:
    long = long_runs(moved, np.uint64(rest))
    yield from pairs_in_short_runs(moved, np.uint64(rest), distance, long)
    for run in long:
        inside = moved[run]
        # Never all of the values: these would be the same problem again.
        apart = LARGE_RUN < len(inside) < len(moved)
        pairs = near_values(inside, distance) if apart else pairs_within(inside, distance)
        for i, j in pairs:
            yield run.start + i, run.start + j


def _not_found_before(first: Values, second: Values, keys: list[int]) -> ValuePairs:
    """Without the pairs that agree in one of the keys; smaller value first."""
    differences = first ^ second
    new = np.ones(len(first), np.bool_)
    for key in keys:
        new &= (differences & np.uint64(key)) != 0
    first, second = first[new], second[new]
    return np.minimum(first, second), np.maximum(first, second)


def _values_at(values: Values, pairs: PositionPairs) -> ValuePairs:
    return values[pairs[0]], values[pairs[1]]


def _batches(blocks: Iterable[ValuePairs]) -> Iterator[ValuePairs]:
    """The same pairs in fewer, larger blocks."""
    waiting: list[ValuePairs] = []
    number = 0
    for block in blocks:
        waiting.append(block)
        number += len(block[0])
        if number >= BATCH:
            yield _joined(waiting)
            waiting, number = [], 0
    if number:
        yield _joined(waiting)


def _joined(blocks: list[ValuePairs]) -> ValuePairs:
    return np.concatenate([first for first, _ in blocks]), np.concatenate([second for _, second in blocks])
