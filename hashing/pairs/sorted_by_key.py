"""Values sorted by some of their bits, so that those which have these in common stand together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hashing.pairs.bit_order import BITS, BitOrder
from hashing.pairs.candidates import PositionPairs, Positions, long_runs, pairs_in_short_runs

Values = npt.NDArray[np.uint64]

# As many as this are looked up faster in an array that is made for them.
MANY = 1 << 15
# Dropping pairs costs more than looking at them again.
KEYS_AT_A_TIME = 4


class SortedByKey:
    """`values` are sorted and distinct, and `key` is a mask of bits. Slots are places in the order of the key."""

    def __init__(self, values: Values, key: int) -> None:
        self._values = values
        self._order = BitOrder.with_first(key)
        self._rest = np.uint64((1 << BITS - key.bit_count()) - 1)
        self._moved = self._order.apply(values)
        self._moved.sort()

    def __len__(self) -> int:
        return len(self._moved)

    def in_short_runs(self, distance: int, long: list[slice]) -> Iterator[PositionPairs]:
        """Blocks of pairs of slots with the same key, whose values are within the distance."""
        return pairs_in_short_runs(self._moved, self._rest, distance, long)

    def long_runs(self) -> list[slice]:
        """The slots that share their key with very many."""
        return long_runs(self._moved, self._rest)

    def values_of(self, run: slice) -> Values:
        """Sorted and distinct values with the same distances among them."""
        return self._moved[run]

    def without(self, pairs: PositionPairs, keys: list[int]) -> PositionPairs:
        """The pairs of slots whose values agree in none of the keys."""
        first, second = pairs
        differences = self._order.inverse.apply(self._moved[first] ^ self._moved[second])
        left = np.arange(len(first))
        for start in range(0, len(keys), KEYS_AT_A_TIME):
            new = np.ones(len(left), np.bool_)
            for key in keys[start : start + KEYS_AT_A_TIME]:
                new &= (differences & np.uint64(key)) != 0
            if not new.all():
                chosen = np.flatnonzero(new)
                left, differences = left.take(chosen), differences.take(chosen)
        return first.take(left), second.take(left)

    def positions(self, slots: Positions) -> Positions:
        """Where the values of the slots are in `values`."""
        if len(slots) >= MANY:
            return self._all_positions[slots]
        return np.searchsorted(self._values, self._order.inverse.apply(self._moved[slots]))

    @cached_property
    def _all_positions(self) -> Positions:
        return np.argsort(self._order.apply(self._values))
