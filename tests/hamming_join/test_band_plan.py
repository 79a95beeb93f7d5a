from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.hamming_join.band_plan import BandLayout, BitStatistics, choose_groups, make_groups
from hashing.hamming_join.bands import BandGroup
from samples.generated_hashes import generate_hashes

VALUES = generate_hashes(20_000, seed=5)
STATISTICS = BitStatistics(*VALUES)


def planned(layout: BandLayout, count: int = 10**6) -> list[BandGroup]:
    return make_groups(layout, STATISTICS, count)


layouts = st.builds(BandLayout, st.integers(1, 30), st.integers(2, 6), st.integers(1, 5)).filter(
    lambda layout: layout.groups <= layout.distance + 1 and layout.is_possible
)


@settings(deadline=None, max_examples=40)
@given(layouts)
def test_allowances_leave_one_group_within_its_own(layout: BandLayout):
    assert sum(allowed + 1 for allowed in layout.allowances) == layout.distance + 1


@settings(deadline=None, max_examples=40)
@given(layouts)
def test_every_bit_is_in_one_band_of_one_group(layout: BandLayout):
    groups = planned(layout)
    assert sorted(bit for group in groups for bit in group.sources) == list(range(128))
    for group in groups:
        assert sum(band.width for band in group.bands) == len(group.sources) <= 64
        assert group.bands[-1].shift == 0
        assert len(group.bands) == group.kept + group.errors


def test_correlated_bits_go_to_different_groups():
    random = np.random.default_rng(1)
    half = random.integers(0, 2**32, 5000, np.uint64)
    twins = half << np.uint64(32) | half
    groups = make_groups(BandLayout(9, 2, 2), BitStatistics(twins, random.integers(0, 2**64, 5000, np.uint64)), 5000)
    for bit in range(64, 96):
        assert sum({bit, bit + 32} <= set(group.sources) for group in groups) == 0


def test_few_values_are_not_planned():
    high, low = VALUES
    assert choose_groups(high[:100], low[:100], 10) == []
    assert choose_groups(high, low, 10) != []


def test_constant_bits_make_no_bands():
    constant = np.zeros(5000, np.uint64)
    assert make_groups(BandLayout(20, 2, 2), BitStatistics(constant, np.arange(5000, dtype=np.uint64)), 5000) == []
