"""Which bits two values must have in common when they differ in few: the keys by which candidates are found.

The 128 bits are shared out to groups, and a group is cut into bands. `d` errors spread over groups that are allowed
r1, r2, ... errors, with (r1 + 1) + (r2 + 1) + ... = d + 1, leave at least one group within its allowance: there, all
bands but r are free of errors. So a pair within distance d agrees in some `kept` bands of some group, and these are
the keys. More kept bands make longer keys, with fewer candidates each, but more keys to sort by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.fingerprint import HASH_BITS, SMALL_BITS
from hashing.hamming_join.buckets import pairs_within
from hashing.hamming_join.fingerprints import Values

# A key is one number of 16 bits, which NumPy sorts by radix, inside the parts that another one makes.
KEY_BITS = 16
# Fewer words in a part would be handled at a loss.
WORDS_OF_A_PART = 1 << 15

# Nanoseconds, as measured; only their ratios matter.
SORT_A_VALUE = 20
SORT_A_PART = 300_000
COMPARE_CANDIDATES = 2.0
COMPARE_ALL = 1.5
VERIFY_A_PAIR = 100

MAX_GROUPS, MAX_BANDS, MAX_KEYS = 6, 16, 5000
SAMPLE, VERIFIED_SAMPLE = 1 << 14, 1 << 11
TRIED_KEYS = 4
# Below, comparing all is as fast as planning.
FEW_VALUES = 2000

Bits = npt.NDArray[np.bool_]


class Band(NamedTuple):
    """Bits of a word, from `shift` on."""

    shift: int
    width: int

    def of(self, words: Values) -> Values:
        return words >> np.uint64(self.shift) & np.uint64((1 << self.width) - 1)


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
    def bands(self) -> list[int]:
        return [self.kept + allowed for allowed in self.allowances]

    @property
    def keys(self) -> int:
        return sum(comb(bands, self.kept) for bands in self.bands)

    @property
    def group_sizes(self) -> list[int]:
        """Bits of each group, as many as its bands ask for."""
        ends = [SMALL_BITS * sum(self.bands[: number + 1]) // sum(self.bands) for number in range(self.groups)]
        return [end - start for start, end in pairwise([0, *ends])]

    @property
    def is_possible(self) -> bool:
        return max(self.bands) <= MAX_BANDS and max(self.group_sizes) <= HASH_BITS and self.keys <= MAX_KEYS


@dataclass(frozen=True)
class Group:
    """Bits of the values, as one word: `sources` names them, highest first. `errors` of them may differ in a pair.

    By the first `parting_bits` of a key the words are divided into parts, by the following ones sorted.
    """

    sources: tuple[int, ...]
    bands: tuple[Band, ...]
    kept: int
    errors: int
    parting_bits: int

    def words(self, high: Values, low: Values) -> Values:
        """The bits of the group, of all values. Bit 127 is the highest of `high`."""
        words = np.zeros_like(high)
        for start in range(0, len(high), KEY_BITS << 10):
            part = slice(start, start + (KEY_BITS << 10))
            word = words[part]
            for source in self.sources:
                values = high[part] if source >= HASH_BITS else low[part]
                word <<= np.uint64(1)
                word |= values >> np.uint64(source % HASH_BITS) & np.uint64(1)
        return words

    @cached_property
    def keys(self) -> list[tuple[Band, ...]]:
        return list(combinations(self.bands, self.kept))

    def split(self, key: Sequence[Band]) -> tuple[tuple[Band, ...], tuple[Band, ...]]:
        """Return what the parts are made by, and what the words of a part are sorted by: at most `KEY_BITS`.

        Bits that are too many are in neither.
        """
        parting, rest = _cut(key, self.parting_bits)
        return tuple(parting), tuple(_cut(rest, KEY_BITS)[0])

    @cached_property
    def first_keys(self) -> npt.NDArray[np.int16]:
        """By the bands in which two words agree, as bits: the number of the first key that they agree in, or -1."""
        numbers = {self._mask(key): number for number, key in enumerate(self.keys)}
        found = np.full(1 << len(self.bands), -1, np.int16)
        for agreed in range(len(found)):
            highest_first = [bit for bit in reversed(range(len(self.bands))) if agreed >> bit & 1]
            if len(highest_first) >= self.kept:
                found[agreed] = numbers[sum(1 << bit for bit in highest_first[: self.kept])]
        return found

    def first_key_of(self, differences: Values) -> npt.NDArray[np.int16]:
        """The number of the first key in which two words with these differences agree, or -1."""
        agreed = np.zeros(len(differences), np.uint16)
        for band in self.bands:
            agreed <<= 1
            agreed |= band.of(differences) == 0
        return self.first_keys[agreed]

    def _mask(self, key: Sequence[Band]) -> int:
        return sum(1 << len(self.bands) - 1 - self.bands.index(band) for band in key)


def _cut(bands: Sequence[Band], bits: int) -> tuple[list[Band], list[Band]]:
    """The first bits, and the others."""
    first, rest = list[Band](), list[Band]()
    for shift, width in bands:
        taken = min(width, bits)
        bits -= taken
        first += [Band(shift + width - taken, taken)] if taken else []
        rest += [Band(shift, width - taken)] if taken < width else []
    return first, rest


def choose_groups(high: Values, low: Values, distance: int) -> list[Group]:
    """Groups of bits: any two values within the distance agree in a key of at least one of them.

    None means that comparing all is cheapest. The values are distinct.
    """
    count = len(high)
    best: list[Group] = []
    least = COMPARE_ALL * count * (count - 1) / 2
    if count < FEW_VALUES:
        return best
    chosen = _sample(count)
    sample = high[chosen], low[chosen]
    statistics = _Statistics(*sample)
    for layout in _layouts(distance):
        sorting = layout.keys * SORT_A_VALUE * count + layout.groups * SORT_A_PART
        groups = groups_of(layout, statistics, count) if sorting < least else []
        if groups and (cost := sorting + _comparing(groups, sample, count)) < least:
            best, least = groups, cost
    return best


class _Statistics:
    """What a sample says about the bits: how much each says, and how much the same."""

    def __init__(self, high: Values, low: Values) -> None:
        bits = np.stack([side >> np.uint64(bit) & np.uint64(1) for side in (low, high) for bit in range(HASH_BITS)])
        share = bits.mean(axis=1)
        inner = np.clip(share, 1e-12, 1 - 1e-12)
        entropies = -inner * np.log2(inner) - (1 - inner) * np.log2(1 - inner)
        self.telling = (share > 0) & (share < 1)
        self.entropies = np.where(self.telling, entropies, 0.0)
        centred = (bits - share[:, None]).astype(np.float32)
        centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
        self.alike = np.square(centred @ centred.T)


def groups_of(layout: Layout, statistics: _Statistics, count: int) -> list[Group]:
    """Empty when the bits that say something are too few for the bands."""
    groups = []
    for bits, bands, allowed in zip(
        _shared_out(layout.group_sizes, statistics.alike), layout.bands, layout.allowances, strict=True
    ):
        widths = _band_widths(statistics.entropies[bits], bands)
        if not all(widths):
            return []
        ends = np.cumsum(widths)
        if not all(statistics.telling[bits[end - width : end]].any() for end, width in zip(ends, widths, strict=True)):
            return []
        made = tuple(Band(len(bits) - int(end), width) for end, width in zip(ends, widths, strict=True))
        longest = sum(sorted(widths)[-layout.kept :])
        parting = max(0, min(longest - KEY_BITS, int(math.log2(max(1, count / WORDS_OF_A_PART)))))
        groups.append(Group(tuple(bits), made, layout.kept, allowed, parting))
    return groups


def _layouts(distance: int) -> Iterator[Layout]:
    for groups in range(2, min(MAX_GROUPS, distance + 1) + 1):
        for kept in range(1, MAX_BANDS):
            layout = Layout(distance, groups, kept)
            if layout.is_possible:
                yield layout


def _shared_out(sizes: Sequence[int], alike: npt.NDArray[np.float32]) -> list[list[int]]:
    """Bits to groups of given sizes. Those that say the same go to different groups, as far as they can."""
    groups: list[list[int]] = [[] for _ in sizes]
    for bit in np.argsort(-alike.sum(axis=1), kind="stable").tolist():
        open_groups = [number for number, size in enumerate(sizes) if len(groups[number]) < size]
        number = min(open_groups, key=lambda each: (float(alike[bit, groups[each]].sum()), len(groups[each])))
        groups[number].append(bit)
    return groups


def _band_widths(entropies: npt.NDArray[np.float64], bands: int) -> list[int]:
    """Widths of consecutive bands with about the same entropy each."""
    passed = np.cumsum(entropies)
    limits = np.searchsorted(passed, passed[-1] * np.arange(1, bands) / bands, side="left") + 1
    ends = [0, *np.minimum(limits, len(entropies)).tolist(), len(entropies)]
    return [end - start for start, end in pairwise(ends)]


def _comparing(groups: Sequence[Group], sample: tuple[Values, Values], count: int) -> float:
    """Cost of comparing the candidates, from how often keys are equal in the sample, and words near."""
    times = (count / len(sample[0])) ** 2
    cost = 0.0
    for group in groups:
        words = group.words(*sample)
        some = group.keys[:: math.ceil(len(group.keys) / TRIED_KEYS)]
        equal = sum(_equal_pairs(words & _mask_of(group.split(key))) for key in some) / len(some)
        few = words[:VERIFIED_SAMPLE]
        near = sum(len(first) for first, _ in pairs_within(few, group.errors)) * (len(words) / len(few)) ** 2
        cost += times * (COMPARE_CANDIDATES * len(group.keys) * equal + VERIFY_A_PAIR * near)
    return cost


def _mask_of(split: tuple[tuple[Band, ...], tuple[Band, ...]]) -> np.uint64:
    return np.uint64(sum((1 << band.width) - 1 << band.shift for bands in split for band in bands))


def _equal_pairs(keys: Values) -> int:
    keys.sort()
    ends = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
    lengths = np.diff(ends, prepend=-1)
    return int((lengths * (lengths - 1) // 2).sum())


def _sample(count: int) -> npt.NDArray[np.int64]:
    """Always the same ones, in a random order: neighbours differ less when the values are sorted."""
    random = np.random.default_rng(0)
    chosen = np.arange(count) if count <= SAMPLE else np.unique(random.integers(count, size=SAMPLE))
    return random.permutation(chosen)
