from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.hamming_join.band_plan import BandLayout, BitStatistics, make_groups
from hashing.hamming_join.bands import Band, BandGroup
from samples.generated_hashes import generate_hashes

VALUES = generate_hashes(20_000, seed=5)
STATISTICS = BitStatistics(*VALUES)


def planned(layout: BandLayout, count: int = 10**6) -> list[BandGroup]:
    return make_groups(layout, STATISTICS, count)


def test_bits_of_a_word_follow_the_order_of_its_sources():
    group = BandGroup((127, 0, 64), (Band(0, 3),), 1, 0, 0)
    high, low = np.array([1 << 63 | 1, 1 << 63, 1], np.uint64), np.array([0, 1, 2], np.uint64)
    assert group.words(high, low).tolist() == [0b101, 0b110, 0b001]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**40 - 1))
def test_the_first_common_key_follows_from_the_differences(differences: int):
    (group, *_) = planned(BandLayout(20, 3, 3))
    agreeing = [all(band.of(np.array([differences], np.uint64))[0] == 0 for band in key) for key in group.keys]
    first = agreeing.index(True) if any(agreeing) else -1
    assert group.first_key_of(np.array([differences], np.uint64)).tolist() == [first]


@pytest.mark.parametrize(("parting", "widths"), [(0, ([], [10, 6])), (3, ([3], [7, 9])), (12, ([10, 2], [8, 8]))])
def test_a_key_is_split_into_prefix_and_sorting_bits(parting: int, widths: tuple[list[int], list[int]]):
    bands = (Band(20, 10), Band(10, 10), Band(0, 10))
    split = BandGroup(tuple(range(30)), bands, 3, 0, parting).split(bands)
    assert tuple([band.width for band in bands] for bands in split) == widths
