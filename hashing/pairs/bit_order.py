"""Putting the 64 bits of many values into another order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.uint64]

BITS = 64
# Values that are moved at a time: they and what is made of them stay in a core's second cache.
CHUNK = 1 << 14


class BitOrder:
    """A permutation of the bits of a 64-bit value. Bit 0 is the least significant one."""

    def __init__(self, sources: Sequence[int]) -> None:
        """`sources[i]` is the bit of the old value that becomes bit `BITS - 1 - i` of the new: highest first."""
        self._sources = list(sources)
        self._moves = _moves(self._sources)

    @classmethod
    def with_first(cls, mask: int) -> BitOrder:
        """The bits of `mask` highest, then the others; either keep the order that they have."""
        return cls(bits_of(mask) + bits_of(~mask))

    @cached_property
    def inverse(self) -> BitOrder:
        places = {source: BITS - 1 - place for place, source in enumerate(self._sources)}
        return BitOrder([places[bit] for bit in reversed(range(BITS))])

    def apply(self, values: Values) -> Values:
        """A new array of the values with their bits moved."""
        moved = np.zeros_like(values)
        for start in range(0, len(values), CHUNK):
            source, target = values[start : start + CHUNK], moved[start : start + CHUNK]
            part = np.empty_like(source)
            for mask, shift in self._moves:
                np.bitwise_and(source, mask, out=part)
                _shift(part, shift)
                target |= part
        return moved


def bits_of(mask: int) -> list[int]:
    """The numbers of the bits that are set among the lowest 64, highest first."""
    return [bit for bit in reversed(range(BITS)) if mask >> bit & 1]


def mask_of(bits: Sequence[int]) -> int:
    return sum(1 << bit for bit in bits)


def _moves(sources: list[int]) -> list[tuple[np.uint64, int]]:
    """Which bits go how far to the left, or to the right when negative: all that go equally far go together."""
    masks: defaultdict[int, int] = defaultdict(int)
    for place, source in enumerate(sources):
        masks[BITS - 1 - place - source] |= 1 << source
    return [(np.uint64(mask), shift) for shift, mask in masks.items()]


def _shift(values: Values, places: int) -> None:
    if places > 0:
        values <<= np.uint64(places)
    elif places < 0:
        values >>= np.uint64(-places)
