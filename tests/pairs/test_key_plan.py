from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generated_hashes import generate_hashes
from hashing.pairs.key_plan import FEW_VALUES, Layout, choose_keys, keys_of
from tests.pairs.brute_force import clustered_hashes

EVEN = np.ones(64)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    distance = draw(st.integers(0, 9))
    layout = Layout(distance, draw(st.integers(1, min(4, distance + 1))), draw(st.integers(1, 5)))
    return layout if layout.keys <= 2000 else Layout(distance, layout.groups, 1)


@settings(deadline=None)
@given(layouts(), st.integers(0, 2**32 - 1))
def test_whatever_bits_are_in_error_some_key_has_none_of_them(layout: Layout, seed: int):
    keys = keys_of(layout, EVEN)
    random = np.random.default_rng(seed)
    for _ in range(100):
        errors = sum(1 << int(bit) for bit in random.choice(64, layout.distance, replace=False))
        assert any(key & errors == 0 for key in keys)


@given(layouts())
def test_there_are_as_many_keys_as_the_layout_says_each_with_bits_of_its_own(layout: Layout):
    keys = keys_of(layout, EVEN)
    assert len(set(keys)) == len(keys) == layout.keys
    assert all(keys)


def test_the_allowed_errors_are_one_too_few_for_all_groups_to_exceed():
    assert Layout(5, 2, 3).allowances == [2, 2]
    assert Layout(4, 2, 3).allowances == [2, 1]
    assert Layout(5, 1, 3).allowances == [5]
    assert Layout(2, 3, 1).allowances == [0, 0, 0]


def test_bands_are_wider_where_the_bits_say_less():
    entropies = np.ones(64)
    entropies[32:] = 0.1
    widths = sorted(key.bit_count() for key in keys_of(Layout(5, 1, 1), entropies))
    assert widths[0] < 8
    assert widths[-1] > 20


def test_there_are_no_keys_where_too_few_bits_say_anything():
    entropies = np.zeros(64)
    entropies[:5] = 1
    assert keys_of(Layout(5, 1, 1), entropies) == []
    assert len(keys_of(Layout(4, 1, 1), entropies)) == 5


def test_few_values_are_all_compared():
    assert choose_keys(clustered_hashes(FEW_VALUES - 1, 1, 9999, 64), 5) == [0]


def test_many_values_are_sorted_by_keys_which_get_longer_with_their_number():
    values = np.unique(generate_hashes(100_000, seed=3)[0])
    few, many = choose_keys(values[:5000], 5), choose_keys(values, 5)
    assert 0 < few[0].bit_count() < many[0].bit_count()


def test_at_a_large_distance_all_are_compared():
    assert choose_keys(clustered_hashes(5000, 1, 9999, 64), 40) == [0]


@pytest.mark.parametrize("distance", [0, 1, 2, 5, 10])
def test_keys_are_those_of_a_layout_for_the_distance_or_one_without_bits(distance: int):
    values = np.unique(generate_hashes(20_000, seed=4)[0])
    keys = choose_keys(values, distance)
    assert len(keys) > distance or keys == [0]
