"""The choice of the groups of bands that make a join of given values cheapest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.fingerprint import HASH_BITS, SMALL_BITS
from hashing.hamming_join.bands import KEY_BITS, Band, BandGroup
from hashing.hamming_join.buckets import pairs_within
from hashing.hamming_join.fingerprints import Values

MAX_GROUPS, MAX_BANDS, MAX_KEYS = 6, 16, 5000
# Smaller partitions cost more than they save.
MIN_PARTITION_WORDS = 1 << 15
# Below this number of values, comparing all of them is as fast as planning.
MIN_PLANNED_VALUES = 2000

# Nanoseconds, as measured; only their ratios matter.
SORT_VALUE = 20
SORT_PARTITION = 300_000
COMPARE_CANDIDATES = 2.0
COMPARE_ALL = 1.5
VERIFY_PAIR = 100

SAMPLE, VERIFIED_SAMPLE = 1 << 14, 1 << 11
SAMPLED_KEYS = 4


class BandLayout(NamedTuple):
    """Finds all pairs within `distance`: a number of groups of bands, and the bands of a group that a key keeps."""

    distance: int
    groups: int
    kept: int

    @property
    def allowances(self) -> list[int]:
        """The errors that each group is allowed, such that they cannot exceed all allowances."""
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
        """The bits of each group, in proportion to its bands."""
        ends = [SMALL_BITS * sum(self.bands[: number + 1]) // sum(self.bands) for number in range(self.groups)]
        return [end - start for start, end in pairwise([0, *ends])]

    @property
    def is_possible(self) -> bool:
        return max(self.bands) <= MAX_BANDS and max(self.group_sizes) <= HASH_BITS and self.keys <= MAX_KEYS


class BitStatistics:
    """The entropy of each bit, and the correlation of each two, in a sample of values."""

    def __init__(self, high: Values, low: Values) -> None:
        bits = np.stack([side >> np.uint64(bit) & np.uint64(1) for side in (low, high) for bit in range(HASH_BITS)])
        share = bits.mean(axis=1)
        inner = np.clip(share, 1e-12, 1 - 1e-12)
        entropies = -inner * np.log2(inner) - (1 - inner) * np.log2(1 - inner)
        self.is_varying = (share > 0) & (share < 1)
        self.entropies = np.where(self.is_varying, entropies, 0.0)
        centred = (bits - share[:, None]).astype(np.float32)
        centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
        self.correlations = np.square(centred @ centred.T)


def choose_groups(high: Values, low: Values, distance: int) -> list[BandGroup]:
    """Return the groups with which a join of distinct values is cheapest; none if comparing all of them is."""
    count = len(high)
    best: list[BandGroup] = []
    min_cost = COMPARE_ALL * count * (count - 1) / 2
    if count < MIN_PLANNED_VALUES:
        return best
    chosen = choose_sample(count)
    sample = high[chosen], low[chosen]
    statistics = BitStatistics(*sample)
    for layout in possible_layouts(distance):
        sorting = layout.keys * SORT_VALUE * count + layout.groups * SORT_PARTITION
        groups = make_groups(layout, statistics, count) if sorting < min_cost else []
        if groups and (cost := sorting + estimate_comparing(groups, sample, count)) < min_cost:
            best, min_cost = groups, cost
    return best


def choose_sample(count: int) -> npt.NDArray[np.int64]:
    """Return positions in random order, always the same ones. Neighbours of sorted values would differ too little."""
    random = np.random.default_rng(0)
    chosen = np.arange(count) if count <= SAMPLE else np.unique(random.integers(count, size=SAMPLE))
    return random.permutation(chosen)


def possible_layouts(distance: int) -> Iterator[BandLayout]:
    for groups in range(2, min(MAX_GROUPS, distance + 1) + 1):
        for kept in range(1, MAX_BANDS):
            layout = BandLayout(distance, groups, kept)
            if layout.is_possible:
                yield layout


def make_groups(layout: BandLayout, statistics: BitStatistics, count: int) -> list[BandGroup]:
    """Return the groups of a layout for `count` values; none if too few bits vary to fill its bands."""
    groups = []
    for bits, bands, allowed in zip(
        distribute_bits(layout.group_sizes, statistics.correlations), layout.bands, layout.allowances, strict=True
    ):
        widths = band_widths(statistics.entropies[bits], bands)
        ends = np.cumsum(widths)
        is_varying = statistics.is_varying[bits]
        if not all(is_varying[end - width : end].any() for end, width in zip(ends, widths, strict=True)):
            return []
        made = tuple(Band(len(bits) - int(end), width) for end, width in zip(ends, widths, strict=True))
        longest_key = sum(sorted(widths)[-layout.kept :])
        prefix_bits = max(0, min(longest_key - KEY_BITS, int(math.log2(max(1, count / MIN_PARTITION_WORDS)))))
        groups.append(BandGroup(tuple(bits), made, layout.kept, allowed, prefix_bits))
    return groups


def distribute_bits(sizes: Sequence[int], correlations: npt.NDArray[np.float32]) -> list[list[int]]:
    """Distribute the bits over groups of given sizes, correlated ones over different groups where possible."""
    groups: list[list[int]] = [[] for _ in sizes]
    for bit in np.argsort(-correlations.sum(axis=1), kind="stable").tolist():
        open_groups = [number for number, size in enumerate(sizes) if len(groups[number]) < size]
        number = min(open_groups, key=lambda each: (float(correlations[bit, groups[each]].sum()), len(groups[each])))
        groups[number].append(bit)
    return groups


def band_widths(entropies: npt.NDArray[np.float64], bands: int) -> list[int]:
    """Return the widths of consecutive bands of about the same entropy each."""
    passed = np.cumsum(entropies)
    limits = np.searchsorted(passed, passed[-1] * np.arange(1, bands) / bands, side="left") + 1
    ends = [0, *np.minimum(limits, len(entropies)).tolist(), len(entropies)]
    return [end - start for start, end in pairwise(ends)]


def estimate_comparing(groups: Sequence[BandGroup], sample: tuple[Values, Values], count: int) -> float:
    """Return the cost of comparing candidates, from the numbers of equal keys and near words in the sample."""
    scale = (count / len(sample[0])) ** 2
    cost = 0.0
    for group in groups:
        words = group.words(*sample)
        keys = group.keys[:: math.ceil(len(group.keys) / SAMPLED_KEYS)]
        masks = [mask_of([*prefix, *rest]) for prefix, rest in map(group.split, keys)]
        equal = sum(count_equal_pairs(words & mask) for mask in masks)
        first_words = words[:VERIFIED_SAMPLE]
        near = sum(len(first) for first, _ in pairs_within(first_words, group.errors))
        near_in_sample = near * (len(words) / len(first_words)) ** 2
        cost += scale * (COMPARE_CANDIDATES * len(group.keys) * equal / len(keys) + VERIFY_PAIR * near_in_sample)
    return cost


def mask_of(bands: Sequence[Band]) -> np.uint64:
    return np.uint64(sum((1 << band.width) - 1 << band.shift for band in bands))


def count_equal_pairs(keys: Values) -> int:
    keys.sort()
    ends = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
    lengths = np.diff(ends, prepend=-1)
    return int((lengths * (lengths - 1) // 2).sum())
