from __future__ import annotations

import numpy as np
import pytest

from hashing.pairs import sorted_by_key
from hashing.pairs.sorted_by_key import SortedByKey

# By the lowest byte: 0x101, 0x201, 0x701; 0x302.
VALUES = np.array([0x101, 0x201, 0x302, 0x701], np.uint64)
KEY = 0xFF


@pytest.fixture
def ordered() -> SortedByKey:
    return SortedByKey(VALUES, KEY)


@pytest.mark.parametrize("many", [1, 100])
def test_slots_are_in_the_order_of_the_key_and_know_their_positions(ordered: SortedByKey, many: int, monkeypatch):
    monkeypatch.setattr(sorted_by_key, "MANY", many)
    assert ordered.positions(np.arange(4)).tolist() == [0, 1, 3, 2]
    assert ordered.positions(np.array([2, 0, 2])).tolist() == [3, 0, 3]


def test_only_slots_with_the_same_key_are_paired(ordered: SortedByKey):
    blocks = ordered.in_short_runs(64, [])
    assert sorted(pair for i, j in blocks for pair in zip(i.tolist(), j.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (1, 2),
    ]


def test_pairs_that_agree_in_another_key_can_be_left_out(ordered: SortedByKey):
    # 0x101 and 0x201 differ in bits 8 and 9, 0x101 and 0x701 in 9 and 10, 0x201 and 0x701 in 8 and 10.
    pairs = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert [slots.tolist() for slots in ordered.without(pairs, [1 << 8])] == [[0, 1], [1, 2]]
    assert [slots.tolist() for slots in ordered.without(pairs, [1 << 8, 1 << 10])] == [[1], [2]]
    assert [slots.tolist() for slots in ordered.without(pairs, [])] == [[0, 0, 1], [1, 2, 2]]


def test_the_values_of_a_run_keep_their_distances(ordered: SortedByKey):
    values = ordered.values_of(slice(0, 3))
    assert (np.diff(values.astype(object)) > 0).all()
    assert [int(values[i] ^ values[j]).bit_count() for i, j in ((0, 1), (0, 2), (1, 2))] == [2, 2, 2]
