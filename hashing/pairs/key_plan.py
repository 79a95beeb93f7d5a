"""Which bits two hashes must have in common when they differ in few: the keys by which candidates are sorted.

The 64 bits are cut into bands, and the bands are shared out to groups. `d` errors spread over groups that are allowed
r1, r2, ... errors, with (r1 + 1) + (r2 + 1) + ... = d + 1, leave at least one group within its allowance: there, all
bands but r are free of errors. So a pair within distance d agrees in some `kept` bands of some group, and these are
the keys. More kept bands make longer keys, with fewer candidates each, but more keys to sort by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.pairs.bit_order import BITS, mask_of

Values = npt.NDArray[np.uint64]

# Nanoseconds, as measured; only their ratios matter.
SORT_A_VALUE = 60
SORT_AN_ARRAY = 400_000
COMPARE_CANDIDATES = 12
COMPARE_ALL = 2

ROW_BITS = 8
MOST_GROUPS = 4
MOST_KEYS = 5000
SAMPLE = 1 << 14
TRIED_KEYS = 6
# Below, comparing all is as fast as planning.
FEW_VALUES = 2000


class Layout(NamedTuple):
    """`distance` errors, over `groups` of bands, of which a key keeps `kept`."""

    distance: int
    groups: int
    kept: int

    @property
    def allowances(self) -> list[int]:
        """The errors that each group may have, so that not all groups can have more."""
        each, over = divmod(self.distance + 1, self.groups)
        return [each - 1 + (group < over) for group in range(self.groups)]

    @property
    def bands(self) -> int:
        return sum(self.kept + allowed for allowed in self.allowances)

    @property
    def keys(self) -> int:
        return sum(comb(self.kept + allowed, self.kept) for allowed in self.allowances)


def choose_keys(values: Values, distance: int) -> list[int]:
    """Masks of bits: any two of the values within the distance agree in all bits of at least one of the masks.

    A single mask without bits means that comparing all is cheapest. The values are distinct.
    """
    count = len(values)
    best, least = [0], COMPARE_ALL * count * (count - 1) / 2
    if count < FEW_VALUES:
        return best
    sample = _sample(values)
    entropies = _entropies(sample)
    for layout in _layouts(distance):
        sorting = layout.keys * (SORT_AN_ARRAY + SORT_A_VALUE * count)
        masks = keys_of(layout, entropies) if sorting < least else []
        if masks and (cost := sorting + _comparing(masks, sample, count)) < least:
            best, least = masks, cost
    return best


def keys_of(layout: Layout, entropies: npt.NDArray[np.float64]) -> list[int]:
    """Empty when the bits that say something (`entropies[bit]` above 0) are too few for the bands."""
    bands = _bands(layout, entropies)
    telling = mask_of(np.flatnonzero(entropies).tolist())
    if not all(band & telling for band in bands):
        return []
    keys = []
    for allowed in layout.allowances:
        of_group, bands = bands[: layout.kept + allowed], bands[layout.kept + allowed :]
        keys += [sum(chosen) for chosen in combinations(of_group, layout.kept)]
    return keys


def _layouts(distance: int) -> Iterator[Layout]:
    for groups in range(1, min(MOST_GROUPS, distance + 1) + 1):
        for kept in range(1, BITS):
            layout = Layout(distance, groups, kept)
            if layout.bands > BITS or layout.keys > MOST_KEYS:
                break
            yield layout


def _bands(layout: Layout, entropies: npt.NDArray[np.float64]) -> list[int]:
    """Masks with about the same entropy each.

    Neighbouring rows of a hash say nearly the same. A group therefore takes rows that are not neighbours, as far as
    it can.
    """
    order = np.array(sorted(range(BITS), key=lambda bit: bit // ROW_BITS % layout.groups))
    passed = np.cumsum(entropies[order])
    limits = np.searchsorted(passed, passed[-1] * np.arange(1, layout.bands) / layout.bands, side="left") + 1
    return [mask_of(part.tolist()) for part in np.split(order, limits)]


def _comparing(masks: list[int], sample: Values, count: int) -> float:
    """Cost of comparing the candidates, from how often a few of the keys are equal in the sample."""
    some = masks[:: math.ceil(len(masks) / TRIED_KEYS)]
    pairs = sum(_equal_pairs(sample & np.uint64(mask)) for mask in some) / len(some)
    return COMPARE_CANDIDATES * len(masks) * pairs * (count / len(sample)) ** 2


def _equal_pairs(keys: Values) -> int:
    keys.sort()
    ends = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
    lengths = np.diff(ends, prepend=-1)
    return int((lengths * (lengths - 1) // 2).sum())


def _sample(values: Values) -> Values:
    """Always the same ones, but not at equal distances: those differ more than others when the values are sorted."""
    if len(values) <= SAMPLE:
        return values
    return values[np.unique(np.random.default_rng(0).integers(len(values), size=SAMPLE))]


def _entropies(values: Values) -> npt.NDArray[np.float64]:
    """In bits, of each bit; the least significant first."""
    share = np.array([np.mean(values >> np.uint64(bit) & np.uint64(1)) for bit in range(BITS)])
    inner = np.clip(share, 1e-12, 1 - 1e-12)
    entropy = -inner * np.log2(inner) - (1 - inner) * np.log2(1 - inner)
    return np.where((share > 0) & (share < 1), entropy, 0.0)
