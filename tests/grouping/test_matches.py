from __future__ import annotations

import random

import numpy as np
import pytest

from hashing.fingerprint.fingerprint import Hashes
from hashing.fingerprint.orientations import Orientation, orient
from hashing.fingerprint.similarity import Part, compared_parts, distance_of_parts, is_match
from hashing.grouping.incremental import find_matching
from hashing.grouping.matches import Neighbours, find_matches
from hashing.grouping.options import GroupingOptions
from hashing.hamming_join.self_join import Pairs
from hashing.models import ImageAsset
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from tests.grouping.conftest import PICTURES


def flipped(dice: random.Random, value: int, bits: int, most: int) -> int:
    for bit in dice.sample(range(bits), dice.randrange(most + 1)):
        value ^= 1 << bit
    return value


def some_hashes(dice: random.Random, orientations: list[Orientation]) -> dict[str, object]:
    """Those of two pictures, turned and off by some bits: as often beyond the limit as within it.

    A third of the rows have a frame around one of the pictures; as wholes, they look like one of two other pictures.
    """
    turn = dice.choice(orientations)
    shown = hash_columns(dice, dice.choice(PICTURES[:2]), turn)
    if dice.random() < 2 / 3:
        columns = shown
    else:
        inside = {f"inside_{name.removeprefix('hash_')}": value for name, value in shown.items()}
        columns = hash_columns(dice, dice.choice(PICTURES[1:3]), turn) | inside
        columns["inside_quality"] = columns["inside_quality"] or 60
    return columns | {"file_digest": dice.choice([None, f"{dice.randrange(20):064x}"])}


def hash_columns(dice: random.Random, picture: int, turn: Orientation) -> dict[str, object]:
    perceptual, vertical, detail = orient(Hashes(picture, picture * 3 % 2**64, picture**4 % 2**256), turn)
    return {
        "perceptual_hash": f"{flipped(dice, perceptual, 64, 10):016x}",
        "vertical_hash": f"{flipped(dice, vertical, 64, 10):016x}",
        "detail_hash": f"{flipped(dice, detail, 256, 90):064x}",
        "hash_quality": dice.choice([20, 34, 35, 50, 70, 90, 100, None]),
    }


def all_matches(options: GroupingOptions) -> dict[int, set[int]]:
    """Of each row that matches another, as a run over the whole table finds them."""
    matches = find_matches(ImageAsset.objects.all(), options, set(), None, lambda _phase, _per_cent: None)
    found = {}
    for key, entries in matches.entries_of.items():
        near = {other for entry in entries for other in matches.neighbours(entry)}
        found[key] = {other for other, theirs in matches.entries_of.items() if not near.isdisjoint(theirs)} - {key}
    return {key: others for key, others in found.items() if others}


def match_by_rule(one: ImageAsset, other: ImageAsset, options: GroupingOptions) -> bool:
    if one.file_digest is not None and one.file_digest == other.file_digest:
        return True
    parts = compared_parts(is_framed=one.inside_quality is not None, other_is_framed=other.inside_quality is not None)
    orientations = Orientation if options.any_orientation else [Orientation.UPRIGHT]
    return any(
        hashes_match(part_of(one, own), part_of(other, part), turn, distance_of_parts(options.max_distance, own, part))
        for own, part in parts
        for turn in orientations
    )


def part_of(row: ImageAsset, part: Part) -> tuple[Hashes[int], int]:
    prefix, quality = ("inside_", row.inside_quality) if part is Part.INSIDE else ("", row.hash_quality)
    texts = [getattr(row, f"{prefix}{name}_hash") for name in ("perceptual", "vertical", "detail")]
    return Hashes(*(int(text, 16) for text in texts)), 100 if quality is None else quality


def hashes_match(
    one: tuple[Hashes[int], int], other: tuple[Hashes[int], int], turn: Orientation, max_distance: int
) -> bool:
    differing = [(mine ^ theirs).bit_count() for mine, theirs in zip(orient(one[0], turn), other[0], strict=True)]
    quality = min(one[1], other[1])
    return quality >= 35 and is_match(differing[0] + differing[1], differing[2], quality, max_distance)


@pytest.mark.parametrize("options", [{}, {"max_distance": 60}, {"any_orientation": True}])
@pytest.mark.parametrize("seed", range(3))
def test_a_run_finds_the_matches_of_the_rule(add_hashed, seed: int, options: dict[str, object]):
    dice, chosen = random.Random(seed), GroupingOptions(**options)
    orientations = list(Orientation) if chosen.any_orientation else [Orientation.UPRIGHT]
    rows = [add_hashed(**some_hashes(dice, orientations)) for _ in range(80)]
    expected = {
        row.pk: {other.pk for other in rows if other is not row and match_by_rule(row, other, chosen)} for row in rows
    }
    assert all_matches(chosen) == {key: others for key, others in expected.items() if others}


def framed(inside: int, whole: int = 3, **fields: object) -> dict[str, object]:
    """Return the columns of a row with one picture inside of a frame, which all looks like another picture."""
    return {
        "picture": whole,
        "inside_perceptual_hash": f"{PICTURES[inside]:016x}",
        "inside_vertical_hash": f"{PICTURES[inside] * 3 % 2**64:016x}",
        "inside_detail_hash": f"{PICTURES[inside] ** 4 % 2**256:064x}",
        "inside_quality": 90,
        **fields,
    }


def test_different_pictures_in_equal_frames_do_not_match(add_hashed):
    one, _other, same = (add_hashed(**framed(inside)) for inside in (0, 1, 0))
    bare = add_hashed(0)
    trio = {one.pk, same.pk, bare.pk}
    assert all_matches(GroupingOptions()) == {key: trio - {key} for key in trio}


def test_a_row_does_not_match_what_is_inside_its_own_frame(add_hashed):
    alone = add_hashed(**framed(0, whole=0))
    matches = find_matches(ImageAsset.objects.all(), GroupingOptions(), set(), None, lambda _phase, _per_cent: None)
    assert not matches.entries_of
    same = add_hashed(**framed(0, whole=0))
    assert all_matches(GroupingOptions()) == {alone.pk: {same.pk}, same.pk: {alone.pk}}


def test_equal_files_match_though_their_insides_are_too_poor(add_hashed):
    one, other, _third = (add_hashed(**framed(0, inside_quality=20, file_digest=name * 64)) for name in "aab")
    assert all_matches(GroupingOptions()) == {one.pk: {other.pk}, other.pk: {one.pk}}


def test_insides_are_not_compared_where_the_site_says_so(add_hashed, settings):
    settings.HASHING = {"COMPARE_INSIDE_FRAMES": False}
    one, other, _bare = add_hashed(**framed(0)), add_hashed(**framed(1)), add_hashed(0)
    assert all_matches(GroupingOptions()) == {one.pk: {other.pk}, other.pk: {one.pk}}


@pytest.mark.parametrize("options", [{}, {"max_distance": 60}, {"any_orientation": True}, {"exact_bytes": True}])
@pytest.mark.parametrize("seed", range(3))
def test_an_upload_matches_what_it_matches_in_a_run_over_the_table(add_hashed, seed: int, options: dict[str, object]):
    dice, chosen = random.Random(seed), GroupingOptions(**options)
    orientations = list(Orientation) if chosen.any_orientation else [Orientation.UPRIGHT]
    unhashed = {name: None for name in EMPTY_HASH_FIELDS if name.endswith(("_hash", "_quality"))}
    rows = [
        add_hashed(**some_hashes(dice, orientations) | (unhashed if dice.random() < 0.1 else {})) for _ in range(60)
    ]
    one_by_one = {row.pk: set(find_matching(row.pk, chosen, "default")) for row in rows}
    assert all_matches(chosen) == {key: others for key, others in one_by_one.items() if others}
    assert 5 < len(all_matches(chosen)) < len(rows)


def test_neighbours_are_symmetric():
    pairs = Pairs(*([0, 0, 2], [2, 3, 3], [1, 1, 1]))
    neighbours = Neighbours.of(np.array([True, True, False, True, False]), [pairs])
    assert [sorted(neighbours(entry)) for entry in range(5)] == [[0, 2, 3], [1], [0, 3], [0, 2, 3], []]
