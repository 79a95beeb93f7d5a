from __future__ import annotations

import random

import pytest

from hashing.fingerprint.fingerprint import Hashes
from hashing.fingerprint.orientations import Orientation, orient
from hashing.grouping.incremental import find_matching
from hashing.grouping.matches import Neighbours, find_matches
from hashing.grouping.options import GroupingOptions
from hashing.hamming_join.self_join import Pairs
from hashing.models import ImageAsset
from tests.grouping.conftest import PICTURES


def flipped(dice: random.Random, value: int, bits: int, most: int) -> int:
    for bit in dice.sample(range(bits), dice.randrange(most + 1)):
        value ^= 1 << bit
    return value


def some_hashes(dice: random.Random, orientations: list[Orientation]) -> dict[str, object]:
    """Those of two pictures, turned and off by some bits: as often beyond the limit as within it."""
    picture, turn = dice.choice(PICTURES[:2]), dice.choice(orientations)
    perceptual, vertical, detail = orient(Hashes(picture, picture * 3 % 2**64, picture**4 % 2**256), turn)
    return {
        "perceptual_hash": f"{flipped(dice, perceptual, 64, 10):016x}",
        "vertical_hash": f"{flipped(dice, vertical, 64, 10):016x}",
        "detail_hash": f"{flipped(dice, detail, 256, 90):064x}",
        "hash_quality": dice.choice([20, 34, 35, 50, 70, 90, 100, None]),
        "file_digest": dice.choice([None, f"{dice.randrange(20):064x}"]),
    }


def all_matches(options: GroupingOptions) -> dict[int, set[int]]:
    """Of each row that matches another, as a run over the whole table finds them."""
    matches = find_matches(ImageAsset.objects.all(), options, set(), None, lambda _phase, _per_cent: None)
    found = {}
    for key, entry in matches.entry_of.items():
        near = {entry, *matches.neighbours(entry)}
        found[key] = {other for other, theirs in matches.entry_of.items() if theirs in near} - {key}
    return {key: others for key, others in found.items() if others}


@pytest.mark.parametrize("options", [{}, {"max_distance": 60}, {"any_orientation": True}, {"exact_bytes": True}])
@pytest.mark.parametrize("seed", range(3))
def test_an_upload_matches_what_it_matches_in_a_run_over_the_table(add_hashed, seed: int, options: dict[str, object]):
    dice, chosen = random.Random(seed), GroupingOptions(**options)
    orientations = list(Orientation) if chosen.any_orientation else [Orientation.UPRIGHT]
    nothing = dict.fromkeys(["perceptual_hash", "vertical_hash", "detail_hash", "hash_quality"])
    rows = [add_hashed(**some_hashes(dice, orientations) | (nothing if dice.random() < 0.1 else {})) for _ in range(60)]
    one_by_one = {row.pk: set(find_matching(row.pk, chosen, "default")) for row in rows}
    assert all_matches(chosen) == {key: others for key, others in one_by_one.items() if others}
    assert 5 < len(all_matches(chosen)) < len(rows)


def test_neighbours_are_symmetric():
    pairs = Pairs(*([0, 0, 2], [2, 3, 3], [1, 1, 1]))
    neighbours = Neighbours.of(5, [pairs])
    assert [sorted(neighbours(entry)) for entry in range(5)] == [[2, 3], [], [0, 3], [0, 2], []]
