from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hashing.hamming_join import band_plan, buckets, value_join
from hashing.hamming_join.band_plan import BandLayout, BitStatistics, make_groups
from hashing.hamming_join.value_join import ValueJoin
from samples.generated_hashes import generate_hashes
from tests.hamming_join.brute_force import clustered_hashes, near_values


def distinct_values(high: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.unique(np.stack([high, low], axis=1), axis=0)
    return np.ascontiguousarray(values[:, 0]), np.ascontiguousarray(values[:, 1])


class FoundPairs:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pairs: set[tuple[int, int]] = set()

    def __call__(self, first: np.ndarray, second: np.ndarray) -> None:
        with self.lock:
            self.pairs.update(zip(first.tolist(), second.tolist(), strict=True))


def together(high: np.ndarray) -> np.ndarray:
    return np.zeros(len(high), np.bool_)


def join(high: np.ndarray, low: np.ndarray, distance: int, apart: np.ndarray | None = None) -> set[tuple[int, int]]:
    found = FoundPairs()
    ValueJoin(high, low, together(high) if apart is None else apart, distance, found).run()
    return found.pairs


def join_by(layout: BandLayout, high: np.ndarray, low: np.ndarray, count: int) -> set[tuple[int, int]]:
    """Join by the keys of one layout, planned as for `count` values."""
    found = FoundPairs()
    groups = make_groups(layout, BitStatistics(high, low), count)
    assert groups
    ValueJoin(high, low, together(high), layout.distance, found).run_by(groups, lambda _fraction: None, threads=2)
    return found.pairs


@pytest.mark.parametrize("distance", [0, 2, 5, 10, 26])
def test_all_pairs_are_found_where_keys_are_planned(distance: int):
    values = distinct_values(*generate_hashes(4000, seed=distance))
    expected = near_values(*values, distance)
    assert expected or distance < 2
    assert join(*values, distance) == expected


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 24), st.integers(2, 5), st.integers(1, 4), st.sampled_from([1, 10**6, 10**8]), st.integers(0, 2**32)
)
def test_every_layout_finds_all_pairs(distance: int, groups: int, kept: int, count: int, seed: int):
    layout = BandLayout(distance, min(groups, distance + 1), kept)
    assume(layout.is_possible and layout.keys <= 300)
    values = distinct_values(clustered_hashes(300, seed, 20, 12), clustered_hashes(300, seed, 20, 12))
    assert join_by(layout, *values, count) == near_values(*values, distance)


@pytest.fixture
def small_limits(monkeypatch) -> None:
    """Let few values take every path."""
    monkeypatch.setattr(band_plan, "MIN_PLANNED_VALUES", 10)
    monkeypatch.setattr(band_plan, "COMPARE_ALL", 1e9)
    monkeypatch.setattr(band_plan, "MIN_PARTITION_WORDS", 16)
    monkeypatch.setattr(value_join, "COMPARE", 1e9)
    monkeypatch.setattr(value_join, "DENSE_BUCKET", 40)
    monkeypatch.setattr(value_join, "BATCH", 50)
    monkeypatch.setattr(buckets, "LARGE_BUCKET", 12)
    monkeypatch.setattr(buckets, "BLOCK", 64)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("distance", [3, 10, 20])
@pytest.mark.parametrize(("centres", "flips"), [(1, 0), (2, 1), (30, 6), (600, 64)])
def test_dense_buckets_are_joined(distance: int, centres: int, flips: int):
    high = np.concatenate([clustered_hashes(300, 1, centres, flips), clustered_hashes(300, 2, 600, 64)])
    low = np.concatenate([clustered_hashes(200, 3, 600, 64), clustered_hashes(400, 4, 30, 12)])
    values = distinct_values(high, low)
    assert join(*values, distance) == near_values(*values, distance)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("share", [0.2, 0.9])
@pytest.mark.parametrize("centres", [1, 30, 600])
def test_two_values_that_are_apart_are_no_pair(centres: int, share: float):
    values = distinct_values(clustered_hashes(600, 1, centres, 6), clustered_hashes(600, 2, 30, 8))
    apart = np.random.default_rng(3).random(len(values[0])) < share
    # A value may come again in the other kind.
    high, low = (np.append(side, side[:50]) for side in values)
    apart = np.append(apart, ~apart[:50])
    expected = {(i, j) for i, j in near_values(high, low, 10) if not (apart[i] and apart[j])}
    assert len(expected) > 20
    assert join(high, low, 10, apart) == expected


@pytest.mark.slow
@pytest.mark.usefixtures("small_limits")
def test_a_dense_bucket_is_compared_once_and_not_for_every_key(monkeypatch):
    joined: list[int] = []
    whole = ValueJoin._join_apart
    monkeypatch.setattr(ValueJoin, "_join_apart", lambda self, rows: (joined.append(len(rows)), whole(self, rows)))
    random = np.random.default_rng(1)
    high, low = random.integers(0, 2**64, 1000, np.uint64), random.integers(0, 2**64, 1000, np.uint64)
    high[:300] = high[0]
    low[:300] = low[0] ^ random.integers(0, 2**12, 300, np.uint64)
    values = distinct_values(high, low)
    assert join(*values, 10) == near_values(*values, 10)
    assert 0 < len(joined) <= 3


def test_an_error_in_a_thread_stops_the_join():
    def refuse(_first: np.ndarray, _second: np.ndarray) -> None:
        raise MemoryError

    values = distinct_values(*generate_hashes(20_000, seed=1))
    with pytest.raises(MemoryError):
        ValueJoin(*values, together(values[0]), 10, refuse).run()


@pytest.mark.parametrize("count", [1, 500, 20_000])
def test_progress_rises_to_1(count: int):
    told: list[float] = []
    values = distinct_values(*generate_hashes(count, seed=2))
    ValueJoin(*values, together(values[0]), 6, lambda _i, _j: None).run(told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
