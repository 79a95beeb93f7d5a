from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.fingerprint.similarity import LARGEST_DISTANCE
from hashing.hamming_join.fingerprints import Fingerprints, RowKind
from hashing.hamming_join.self_join import PairList, Pairs, TooManyPairs, self_join
from tests.hamming_join.brute_force import fingerprint_sets, generated_fingerprints, matching_pairs

limits = st.integers(0, 120) | st.integers(0, LARGEST_DISTANCE)


def as_dict(found: Pairs) -> dict[tuple[int, int], int]:
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    return dict(zip(pairs, found.distance.tolist(), strict=True))


def expected_pairs(fingerprints: Fingerprints, max_distance: int) -> dict[tuple[int, int], int]:
    matching = matching_pairs(fingerprints, fingerprints, max_distance)
    return {(i, j): distance for (i, j), distance in matching.items() if i < j}


def alike(count: int) -> Fingerprints:
    """Return rows that all match one another and differ in the large hash."""
    detail = np.zeros((count, 4), np.uint64)
    detail[:, 0] = np.arange(count)
    zeros = np.zeros(count, np.uint64)
    return Fingerprints(zeros, zeros, detail, np.full(count, 100, np.uint8), np.zeros(count, np.uint8))


@settings(deadline=None, max_examples=100)
@given(fingerprint_sets(), limits)
def test_all_pairs_by_the_rule_are_found_in_order(fingerprints: Fingerprints, max_distance: int):
    assert as_dict(self_join(fingerprints, max_distance)) == expected_pairs(fingerprints, max_distance)


@pytest.mark.parametrize("max_distance", [25, 100])
def test_all_pairs_are_found_where_values_are_joined_by_keys(max_distance: int):
    fingerprints = generated_fingerprints(3000, seed=max_distance)
    expected = expected_pairs(fingerprints, max_distance)
    assert expected
    assert as_dict(self_join(fingerprints, max_distance)) == expected


def test_too_many_pairs_are_refused(monkeypatch):
    monkeypatch.setattr("hashing.hamming_join.self_join.MAX_PAIRS", 45)
    assert len(self_join(alike(10), 100).first) == 45
    with pytest.raises(TooManyPairs, match="More than 45 pairs"):
        self_join(alike(11), 100)


def test_billions_of_pairs_are_refused_before_memory_is_allocated(monkeypatch):
    monkeypatch.setattr("hashing.hamming_join.self_join.MAX_PAIRS", 100_000)
    monkeypatch.setattr("hashing.hamming_join.self_join.SLACK", 10_000)
    with pytest.raises(TooManyPairs):
        self_join(alike(100_000), 100)


def test_many_framed_rows_that_are_alike_are_no_pairs(monkeypatch):
    monkeypatch.setattr("hashing.hamming_join.self_join.MAX_PAIRS", 100)
    padded, others = alike(100_000), alike(3)
    padded = padded._replace(kind=np.full(padded.size, RowKind.FRAMED, np.uint8))
    assert len(self_join(padded, 100).first) == 0
    # As values that differ, too.
    few = padded.take(slice(0, 5000))
    few = few._replace(vertical=np.arange(few.size, dtype=np.uint64))
    found = self_join(few.joined(others._replace(detail=~others.detail)), 100)
    assert as_dict(found).keys() == {(5000, 5001), (5000, 5002), (5001, 5002)}


@pytest.mark.parametrize("max_distance", [-1, LARGEST_DISTANCE + 1])
def test_an_impossible_distance_is_refused(max_distance: int):
    with pytest.raises(ValueError, match="between 0 and 384"):
        self_join(alike(2), max_distance)


@pytest.mark.parametrize("changed", Fingerprints._fields)
def test_malformed_arrays_are_refused(changed: str):
    whole = alike(2)
    for wrong in (getattr(whole, changed)[:1], getattr(whole, changed).astype(np.int64)):
        with pytest.raises(ValueError, match="Fingerprints are"):
            self_join(whole._replace(**{changed: wrong}), 100)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_rows_have_no_pairs(count: int):
    found = self_join(alike(count), 100)
    assert [(len(column), column.dtype) for column in found] == [(0, np.int64), (0, np.int64), (0, np.uint16)]


@pytest.mark.parametrize("count", [1, 500, 20_000])
def test_progress_rises_to_a_hundred(count: int):
    told: list[int] = []
    self_join(generated_fingerprints(count, seed=2), 30, progress=told.append)
    assert told == sorted(set(told))
    assert told[-1] == 100
    assert all(isinstance(per_cent, int) for per_cent in told)


def added(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.array(side) for side in zip(*pairs, strict=True))


def test_pairs_are_sorted_and_distinct():
    pairs = PairList()
    pairs.add(*added((3, 4), (1, 2)))
    pairs.add(*added((1, 2), (0, 2**32 - 1)))
    first, second = pairs.sorted_pairs()
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 2**32 - 1), (1, 2), (3, 4)]
    assert [len(side) for side in pairs.sorted_pairs()] == [0, 0]


def test_duplicate_pairs_do_not_count_towards_the_limit(monkeypatch):
    monkeypatch.setattr("hashing.hamming_join.self_join.MAX_PAIRS", 3)
    monkeypatch.setattr("hashing.hamming_join.self_join.SLACK", 1)
    pairs = PairList()
    for _ in range(10):
        pairs.add(*added((1, 2), (1, 3), (1, 4)))
    with pytest.raises(TooManyPairs, match="More than 3 pairs match"):
        pairs.add(*added((1, 5), (1, 6), (1, 7), (1, 8)))
