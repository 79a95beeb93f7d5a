from __future__ import annotations

import numpy as np
import pytest

from hashing.pairs import pair_list
from hashing.pairs.pair_list import PairList, TooManyPairs, distances


def test_pairs_are_given_in_order_and_the_list_is_empty_then():
    pairs = PairList()
    pairs.add(np.array([7, 2]), np.array([1, 2**32 - 1]))
    pairs.add(np.array([], np.int64), np.array([], np.int64))
    pairs.add(np.array([2]), np.array([9]))
    first, second = pairs.take_sorted()
    assert first.dtype == second.dtype == np.int64
    assert (first.tolist(), second.tolist()) == ([2, 2, 7], [9, 2**32 - 1, 1])
    assert [len(side) for side in pairs.take_sorted()] == [0, 0]


def test_more_pairs_than_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(pair_list, "MOST_PAIRS", 3)
    pairs = PairList()
    pairs.add(np.arange(3), np.arange(3))
    with pytest.raises(TooManyPairs, match="More than 3 pairs"):
        pairs.add(np.arange(1), np.arange(1))


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_distances_are_those_of_the_pairs(chunk: int, monkeypatch):
    monkeypatch.setattr(pair_list, "CHUNK", chunk)
    left, right = np.array([0, 1, 2**64 - 1], np.uint64), np.array([0, 7], np.uint64)
    found = distances(left, right, np.array([2, 1, 0, 0, 2]), np.array([0, 1, 1, 0, 1]))
    assert found.dtype == np.uint8
    assert found.tolist() == [64, 2, 3, 0, 61]
