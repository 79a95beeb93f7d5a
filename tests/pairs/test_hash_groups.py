from __future__ import annotations

import numpy as np
import pytest

from hashing.pairs import hash_groups
from hashing.pairs.hash_groups import HashGroups


@pytest.fixture(params=[1, 3, 1 << 19], autouse=True)
def chunk(request, monkeypatch) -> None:
    monkeypatch.setattr(hash_groups, "CHUNK", request.param)


@pytest.fixture
def groups() -> HashGroups:
    """Hash 3 at 1; 5 at 0, 3, 4; 9 at 2, 5."""
    return HashGroups(np.array([5, 3, 9, 5, 5, 9], np.uint64))


def couples(groups: HashGroups, i: list[int], j: list[int]) -> list[set[int]]:
    blocks = groups.pairs_of_entries(np.array(i, np.int64), np.array(j, np.int64))
    return sorted(
        ({int(a), int(b)} for first, second in blocks for a, b in zip(first, second, strict=True)), key=sorted
    )


def test_each_hash_is_a_group(groups: HashGroups):
    assert groups.hashes.tolist() == [3, 5, 9]
    assert groups.sizes.tolist() == [1, 3, 2]


def test_no_entries_are_no_groups():
    assert len(HashGroups(np.empty(0, np.uint64)).hashes) == 0


def test_the_entries_of_chosen_groups_come_group_by_group(groups: HashGroups):
    entries = groups.entries_of(np.array([False, True, True])).tolist()
    assert (set(entries[:3]), set(entries[3:])) == ({0, 3, 4}, {2, 5})


def test_two_groups_are_taken_apart_into_each_with_each(groups: HashGroups):
    assert couples(groups, [0, 2], [1, 0]) == [{0, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}]


def test_a_group_with_itself_is_taken_apart_into_its_couples(groups: HashGroups):
    assert couples(groups, [1, 0, 2], [1, 0, 2]) == [{0, 3}, {0, 4}, {2, 5}, {3, 4}]


def test_no_groups_have_no_couples(groups: HashGroups):
    assert couples(groups, [], []) == []


def test_chunks_are_not_larger_than_asked(groups: HashGroups):
    several = np.array([1, 1, 2, 2]), np.array([1, 2, 2, 0])
    most = max(3, hash_groups.CHUNK)
    assert all(len(first) <= most for first, _ in groups.pairs_of_entries(*several))
