from __future__ import annotations

from collections.abc import Container
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.hamming_join import buckets
from hashing.hamming_join.buckets import Buckets, large_buckets, pairs_in_buckets, pairs_within
from hashing.hamming_join.fingerprints import Fingerprints, RowKind


def with_hashes(perceptual: list[int], vertical: list[int], framed: Container[int] = ()) -> Fingerprints:
    count = len(perceptual)
    hashes = np.array(perceptual, np.uint64), np.array(vertical, np.uint64)
    kind = np.array([RowKind.FRAMED if row in framed else RowKind.UNFRAMED for row in range(count)], np.uint8)
    return Fingerprints(*hashes, np.zeros((count, 4), np.uint64), np.zeros(count, np.uint8), kind)


def rows_of(made: Buckets, i: list[int], j: list[int]) -> list[tuple[int, int]]:
    chunks = made.pairs_of_rows(np.array(i, np.int64), np.array(j, np.int64))
    pairs = [pair for one, other in chunks for pair in zip(one.tolist(), other.tolist(), strict=True)]
    return sorted((min(pair), max(pair)) for pair in pairs)


def test_rows_with_both_hashes_equal_share_a_bucket():
    made = Buckets(with_hashes([5, 1, 5, 5], [2, 2, 2, 3]))
    assert list(zip(made.perceptual.tolist(), made.vertical.tolist(), strict=True)) == [(1, 2), (5, 2), (5, 3)]
    assert made.sizes.tolist() == [1, 2, 1]
    assert made.shared().tolist() == [1]


def test_framed_rows_have_buckets_of_their_own():
    made = Buckets(with_hashes([5] * 5, [2] * 5, framed=[0, 3]))
    assert (made.is_framed.tolist(), made.sizes.tolist()) == ([False, True], [3, 2])
    assert made.shared().tolist() == [0]


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_pairs_of_buckets_become_pairs_of_rows(chunk: int, monkeypatch):
    monkeypatch.setattr(buckets, "CHUNK", chunk)
    made = Buckets(with_hashes([7] * 4 + [9] * 3 + [11], [0] * 8))
    assert rows_of(made, [0, 1], [1, 2]) == sorted([*product(range(4), range(4, 7)), *product(range(4, 7), [7])])
    assert rows_of(made, [0, 2], [0, 2]) == list(combinations(range(4), 2))


def test_a_row_is_not_paired_with_itself_when_buckets_have_one_row():
    made = Buckets(with_hashes([3, 4], [0, 0]))
    assert rows_of(made, [0, 0], [0, 1]) == [(0, 1)]


def listed(blocks) -> list[tuple[int, int]]:
    return sorted(pair for first, second in blocks for pair in zip(first.tolist(), second.tolist(), strict=True))


def near(words: np.ndarray, errors: int) -> list[tuple[int, int]]:
    pairs = [(i, j) for j in range(len(words)) for i in range(j)]
    return sorted((i, j) for i, j in pairs if int(words[i] ^ words[j]).bit_count() <= errors)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    monkeypatch.setattr(buckets, "BLOCK", 8)
    monkeypatch.setattr(buckets, "LARGE_BUCKET", 5)


@settings(deadline=None)
@given(st.lists(st.integers(0, 31), max_size=30), st.integers(0, 4))
def test_all_pairs_of_words_are_compared_once(numbers: list[int], errors: int):
    words = np.array(numbers, np.uint64)
    assert listed(pairs_within(words, errors)) == near(words, errors)


@settings(deadline=None)
@given(st.lists(st.integers(0, 255), max_size=60), st.integers(0, 4))
def test_all_pairs_of_words_with_the_same_key_are_found(numbers: list[int], errors: int):
    words = np.array(sorted(numbers), np.uint64)
    keys = words >> np.uint64(5)
    same = np.append(keys[1:] == keys[:-1], False)[: len(words)]
    found = listed(pairs_in_buckets(words, same, errors))
    assert len(found) == len(set(found))
    assert set(found) <= set(near(words, errors))
    assert {pair for pair in near(words, errors) if keys[pair[0]] == keys[pair[1]]} <= set(found)


def test_large_buckets_are_slices_of_slots():
    keys = np.array([1] * 5 + [2] * 6 + [3] + [4] * 9)
    assert large_buckets(np.append(keys[1:] == keys[:-1], False)) == [slice(5, 11), slice(12, 21)]
