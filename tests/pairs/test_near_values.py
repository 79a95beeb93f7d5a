from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generated_hashes import generate_hashes
from hashing.pairs import candidates, near_values
from hashing.pairs.key_plan import Layout, choose_keys, keys_of
from tests.pairs import brute_force
from tests.pairs.brute_force import clustered_hashes


def pairs_of(blocks) -> list[tuple[int, int]]:
    pairs = [(int(a), int(b)) for first, second in blocks for a, b in zip(first, second, strict=True)]
    assert len(set(pairs)) == len(pairs)
    return sorted(pairs)


def expected(values: np.ndarray, distance: int) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j, _, _ in brute_force.near_pairs(values, values, distance, None)]


@settings(deadline=None, max_examples=150)
@given(
    st.integers(2, 300),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3, 300]),
    st.sampled_from([4, 12, 64]),
    st.integers(0, 8),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_any_layout_of_keys_finds_each_pair_once(count, seed, centres, flips, distance, groups, kept):
    values = np.unique(clustered_hashes(count, seed, centres, flips))
    keys = keys_of(Layout(distance, min(groups, distance + 1), kept), np.ones(64))
    found = near_values.near_values_by_keys(values, distance, keys, lambda _share: None)
    assert pairs_of(found) == expected(values, distance)


@pytest.mark.parametrize("distance", [0, 1, 2, 3, 5, 6, 10])
def test_what_is_chosen_for_thousands_of_hashes_finds_the_same_as_comparing_all(distance: int):
    values = np.unique(generate_hashes(12_000, seed=distance)[0])
    assert choose_keys(values, distance) != [0]
    assert pairs_of(near_values.near_values(values, distance)) == pairs_of(candidates.pairs_within(values, distance))


@pytest.fixture
def crowded_values() -> np.ndarray:
    """A third have one half in common, so that keys from that half are the same for all of them."""
    random = np.random.default_rng(5)
    values = random.integers(0, 2**64, 9000, np.uint64)
    values[:3000] &= np.uint64(0xFFFF_FFFF)
    values[3000:3500] = values[:500] ^ np.uint64(0b10101)
    return np.unique(values)


@pytest.mark.parametrize("large_run", [300, 1 << 13])
def test_long_runs_with_the_same_key_are_searched_too(crowded_values, large_run: int, monkeypatch):
    monkeypatch.setattr(near_values, "LARGE_RUN", large_run)
    keys = choose_keys(crowded_values, 4)
    longest = max(np.unique(crowded_values & np.uint64(key), return_counts=True)[1].max() for key in keys)
    assert longest > candidates.LONG_RUN
    found = pairs_of(near_values.near_values(crowded_values, 4))
    assert found == pairs_of(candidates.pairs_within(crowded_values, 4))
    assert len(found) >= 500


def test_small_batches_make_no_difference(crowded_values, monkeypatch):
    monkeypatch.setattr(near_values, "BATCH", 3)
    found = pairs_of(near_values.near_values(crowded_values, 5))
    assert found == pairs_of(candidates.pairs_within(crowded_values, 5))


def test_the_share_that_is_done_rises_to_one():
    values = np.unique(generate_hashes(20_000, seed=1)[0])
    shares: list[float] = []
    list(near_values.near_values(values, 3, shares.append))
    assert len(shares) >= 4
    assert shares == sorted(shares)
    assert shares[-1] == 1
