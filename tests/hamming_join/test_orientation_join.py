from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.hamming_join.fingerprints import Fingerprints
from hashing.hamming_join.orientation_join import OrientedPairs, orientation_join
from tests.hamming_join.brute_force import fingerprint_sets, generated_fingerprints, matching_pairs

TURNS = (2, 3, 5)


def expected_pairs(fingerprints: Fingerprints, max_distance: int) -> dict[tuple[int, int], tuple[int, int]]:
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for turn in TURNS:
        for pair, distance in matching_pairs(fingerprints.oriented(turn), fingerprints, max_distance).items():
            found[pair] = min((distance, turn), found.get(pair, (distance, turn)))
    return found


def as_dict(found: OrientedPairs) -> dict[tuple[int, int], tuple[int, int]]:
    columns = [column.tolist() for column in found]
    pairs = list(zip(*columns[:2], strict=True))
    assert pairs == sorted(set(pairs))
    return dict(zip(pairs, zip(*columns[2:], strict=True), strict=True))


@settings(deadline=None, max_examples=60)
@given(fingerprint_sets(most=60), st.integers(0, 120))
def test_pairs_have_both_directions_and_their_best_orientation(fingerprints: Fingerprints, max_distance: int):
    found = as_dict(orientation_join(fingerprints, TURNS, max_distance))
    assert found == expected_pairs(fingerprints, max_distance)


def test_all_pairs_are_found_where_values_are_joined_by_keys():
    some = generated_fingerprints(1500, seed=3)
    copies = some.take(slice(0, 300)).oriented(3)
    both = some.joined(copies)
    found = as_dict(orientation_join(both, TURNS, 40))
    assert len(found) >= 300
    assert found == expected_pairs(both, 40)


def test_progress_rises_to_a_hundred():
    told: list[int] = []
    orientation_join(generated_fingerprints(500, seed=2), TURNS, 30, progress=told.append)
    assert told == sorted(set(told))
    assert told[-1] == 100
