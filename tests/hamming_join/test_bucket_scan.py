from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.hamming_join import bucket_scan
from hashing.hamming_join.bucket_scan import large_buckets, pairs_in_buckets, pairs_within


def listed(blocks) -> list[tuple[int, int]]:
    return sorted(pair for first, second in blocks for pair in zip(first.tolist(), second.tolist(), strict=True))


def near(words: np.ndarray, errors: int) -> list[tuple[int, int]]:
    pairs = [(i, j) for j in range(len(words)) for i in range(j)]
    return sorted((i, j) for i, j in pairs if int(words[i] ^ words[j]).bit_count() <= errors)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    monkeypatch.setattr(bucket_scan, "BLOCK", 8)
    monkeypatch.setattr(bucket_scan, "LARGE_BUCKET", 5)


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
