from __future__ import annotations

import numpy as np
import pytest

from hashing.hamming_join.pair_list import PairList, TooManyPairs


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
    monkeypatch.setattr("hashing.hamming_join.pair_list.MAX_PAIRS", 3)
    monkeypatch.setattr("hashing.hamming_join.pair_list.SLACK", 1)
    pairs = PairList()
    for _ in range(10):
        pairs.add(*added((1, 2), (1, 3), (1, 4)))
    with pytest.raises(TooManyPairs, match="More than 3 pairs match"):
        pairs.add(*added((1, 5), (1, 6), (1, 7), (1, 8)))
