from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generated_hashes import generate_hashes
from hashing.pairs import near_entries, pair_list
from hashing.pairs.near_pairs import NearPairs, TooManyPairs, find_near_pairs
from tests.pairs import brute_force
from tests.pairs.brute_force import clustered_hashes, distinct_couples, hash_sets

limits = st.integers(0, 12) | st.integers(0, 64)


def assert_same(found: NearPairs, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(np.stack(found, axis=1), expected)


@settings(deadline=None, max_examples=200)
@given(hash_sets(), limits, st.none() | limits)
def test_all_pairs_within_both_distances_are_found_in_order(hashes, max_distance: int, confirm_distance: int | None):
    found = find_near_pairs(*hashes, max_distance, confirm_distance)
    assert_same(found, brute_force.near_pairs(*hashes, max_distance, confirm_distance))


@pytest.mark.parametrize(("max_distance", "confirm_distance"), [(1, 6), (2, 5), (5, 5), (5, 2), (5, None), (8, 10)])
def test_all_pairs_are_found_where_hashes_are_sorted_by_keys(max_distance: int, confirm_distance: int | None):
    hashes = distinct_couples(*generate_hashes(4000, seed=max_distance))
    expected = brute_force.near_pairs(*hashes, max_distance, confirm_distance)
    assert len(expected) > 0
    assert_same(find_near_pairs(*hashes, max_distance, confirm_distance), expected)


@pytest.mark.parametrize("crowd", [0, 16, 10**9])
@pytest.mark.parametrize(("max_distance", "confirm_distance"), [(0, 3), (2, 6), (6, 2), (3, 64), (64, 3), (2, None)])
def test_crowds_with_the_same_hash_are_searched_too(
    max_distance: int, confirm_distance: int | None, crowd: int, monkeypatch
):
    monkeypatch.setattr(near_entries, "CROWD", crowd)
    # Flat pictures: few perceptual hashes, each near the others, with vertical hashes of all kinds.
    perceptual = clustered_hashes(1500, 1, 2, 3)
    vertical = np.concatenate([clustered_hashes(1000, 2, 30, 6), clustered_hashes(500, 3, 1, 1)])
    hashes = distinct_couples(perceptual, vertical)
    expected = brute_force.near_pairs(*hashes, max_distance, confirm_distance)
    assert len(expected) > 0
    assert_same(find_near_pairs(*hashes, max_distance, confirm_distance), expected)


def test_a_crowd_with_one_perceptual_hash_is_compared_by_the_other():
    vertical = np.unique(generate_hashes(150_000, seed=8)[1])
    copies = vertical[:100] ^ np.uint64(1)
    vertical = np.unique(np.concatenate([vertical, copies]))
    crowd = find_near_pairs(np.zeros_like(vertical), vertical, 5, 3)
    alone = find_near_pairs(vertical, np.zeros_like(vertical), 3, None)
    assert len(alone.first) >= 100
    assert_same(crowd, np.stack(alone, axis=1)[:, [0, 1, 3, 2]])


def test_the_types_are_those_that_are_promised():
    found = find_near_pairs(*generate_hashes(300, seed=1), 6, 6)
    assert [column.dtype for column in found] == [np.int64, np.int64, np.uint8, np.uint8]
    assert len(found.first) > 0


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_entries_have_no_pairs(count: int):
    hashes = np.zeros(count, np.uint64)
    assert [len(column) for column in find_near_pairs(hashes, hashes, 5, None)] == [0, 0, 0, 0]


def test_too_large_an_answer_is_refused(monkeypatch):
    monkeypatch.setattr(pair_list, "MOST_PAIRS", 45)
    values = np.arange(11, dtype=np.uint64)
    assert len(find_near_pairs(values[:10], values[:10], 64, None).first) == 45
    with pytest.raises(TooManyPairs, match="More than 45 pairs"):
        find_near_pairs(values, values, 64, None)


def test_an_answer_of_billions_of_pairs_is_refused_before_it_is_made():
    perceptual, vertical = np.zeros(100_000, np.uint64), np.arange(100_000, dtype=np.uint64)
    with pytest.raises(TooManyPairs):
        find_near_pairs(perceptual, vertical, 0, None)


@pytest.mark.parametrize(("max_distance", "confirm_distance"), [(-1, None), (65, None), (5, -1), (5, 65)])
def test_a_distance_that_no_hashes_can_have_is_refused(max_distance: int, confirm_distance: int | None):
    hashes = np.zeros(2, np.uint64)
    with pytest.raises(ValueError, match="between 0 and 64"):
        find_near_pairs(hashes, hashes, max_distance, confirm_distance)


@pytest.mark.parametrize(
    ("perceptual", "vertical"),
    [
        (np.zeros(2, np.uint64), np.zeros(3, np.uint64)),
        (np.zeros(2, np.int64), np.zeros(2, np.uint64)),
        (np.zeros((2, 1), np.uint64), np.zeros((2, 1), np.uint64)),
    ],
)
def test_arrays_that_are_no_hashes_are_refused(perceptual: np.ndarray, vertical: np.ndarray):
    with pytest.raises(ValueError, match="ashes"):
        find_near_pairs(perceptual, vertical, 5, None)


@pytest.mark.parametrize("count", [1, 500, 20_000])
def test_progress_rises_to_a_hundred(count: int):
    told: list[int] = []
    find_near_pairs(*generate_hashes(count, seed=2), 3, 3, progress=told.append)
    assert told == sorted(set(told))
    assert told[-1] == 100
    assert all(isinstance(per_cent, int) for per_cent in told)
