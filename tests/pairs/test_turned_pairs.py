from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generated_hashes import generate_hashes
from hashing.orientations import Orientation, orient
from hashing.pairs import pair_list
from hashing.pairs.near_pairs import TooManyPairs
from hashing.pairs.turned_pairs import TURNED, TurnedPairs, find_turned_pairs
from tests.pairs.brute_force import distinct_couples, hash_sets


def compared(perceptual: np.ndarray, vertical: np.ndarray, max_distance: int, confirm_distance: int | None):
    """Rows of the five columns, from each with each in each orientation."""
    best: dict[tuple[int, int], tuple[int, int, int]] = {}
    for orientation in TURNED:
        turned = orient(perceptual, vertical, orientation)
        distance = np.bitwise_count(turned[0][:, None] ^ perceptual)
        confirm = np.bitwise_count(turned[1][:, None] ^ vertical)
        near = (distance <= max_distance) & (confirm <= (64 if confirm_distance is None else confirm_distance))
        for a, b in np.argwhere(near).tolist():
            match = (int(distance[a, b]), int(confirm[a, b]), int(orientation))
            if a != b:
                best[a, b] = min(match, best.get((a, b), match))
    return [pair + match for pair, match in sorted(best.items())]


def rows(found: TurnedPairs) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in found), strict=True))


def with_turned_copies(perceptual: np.ndarray, vertical: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The hashes, and the last tenth of them again in each orientation, with a bit flipped in both."""
    chosen = slice(len(perceptual) * 9 // 10, None)
    turned = [orient(perceptual[chosen], vertical[chosen] ^ np.uint64(4), each) for each in TURNED]
    both = [np.concatenate(parts) for parts in zip((perceptual, vertical), *turned, strict=True)]
    return distinct_couples(*both)


@settings(deadline=None, max_examples=60)
@given(hash_sets(60), st.integers(0, 12) | st.integers(0, 64), st.none() | st.integers(0, 12) | st.integers(0, 64))
def test_all_turned_pairs_are_found_each_with_its_best_orientation(
    hashes, max_distance: int, confirm_distance: int | None
):
    hashes = with_turned_copies(*hashes)
    found = rows(find_turned_pairs(*hashes, max_distance, confirm_distance))
    assert found == compared(*hashes, max_distance, confirm_distance)


@pytest.mark.parametrize("limits", [(3, 3), (2, 6), (6, 2), (4, None)])
def test_all_turned_pairs_are_found_among_many(limits: tuple[int, int | None]):
    hashes = with_turned_copies(*generate_hashes(1500, seed=3))
    found = rows(find_turned_pairs(*hashes, *limits))
    assert len(found) > 1000
    assert found == compared(*hashes, *limits)


@pytest.mark.parametrize("orientation", TURNED)
def test_the_second_entry_is_the_first_one_turned(orientation: Orientation):
    hashes = np.array([0x0123456789ABCDEF], np.uint64), np.array([0xC001D00DFEEDFACE], np.uint64)
    both = [np.concatenate(pair) for pair in zip(hashes, orient(*hashes, orientation), strict=True)]
    back = {Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT, Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT}
    assert rows(find_turned_pairs(*both, 0, 0)) == [
        (0, 1, 0, 0, orientation),
        (1, 0, 0, 0, back.get(orientation, orientation)),
    ]


def test_a_picture_that_is_its_own_mirror_image_is_no_pair_with_itself():
    perceptual = np.array([0xF0F0F0F0F0F0F0F0], np.uint64)
    vertical = np.array([0xFFFFFFFFFFFFFFFF], np.uint64)
    assert int(orient(perceptual, vertical, Orientation.MIRRORED)[0][0]) == int(perceptual[0])
    assert rows(find_turned_pairs(perceptual, vertical, 0, 0)) == []


@pytest.mark.parametrize("count", [0, 1])
def test_no_entries_have_no_pairs_but_columns_of_the_promised_types(count: int):
    found = find_turned_pairs(*generate_hashes(count, seed=1), 2, None)
    assert [len(column) for column in found] == [0] * 5
    assert [column.dtype for column in found] == [np.int64, np.int64, np.uint8, np.uint8, np.uint8]


def test_too_large_an_answer_is_refused_even_when_no_orientation_alone_is(monkeypatch):
    monkeypatch.setattr(pair_list, "MOST_PAIRS", 100)
    hashes = generate_hashes(10, seed=1)
    with pytest.raises(TooManyPairs):
        find_turned_pairs(*hashes, 64, None)


def test_progress_rises_to_a_hundred():
    told: list[int] = []
    find_turned_pairs(*generate_hashes(3000, seed=2), 2, 2, progress=told.append)
    assert len(told) > 7
    assert told == sorted(set(told))
    assert told[-1] == 100
