"""Groups while the rows of a table are moved from one version of the hashes to another: here from 0 to the current."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import LARGEST_DISTANCE, Framing, Match
from hashing.grouping import find_duplicates
from hashing.grouping.decisions import decide_different, decide_same
from hashing.grouping.incremental import update_groups
from hashing.grouping.signals import follow_upload
from hashing.grouping.versions import read_mixed_pairs, seen_from_the_other, versions_of
from hashing.models import GroupMember, ImageAsset
from tests.grouping.conftest import PICTURES, marked, stored_groups, the_group

OLD = 0


@pytest.fixture
def old_trio(add_hashed, group_all) -> list[ImageAsset]:
    """A keeper and two copies in one group, with hashes of an old version."""
    rows = [add_hashed(width=200, hash_version=OLD), *(add_hashed(flips=flips, hash_version=OLD) for flips in (1, 2))]
    group_all()
    return rows


def move(rows: Collection[ImageAsset]) -> None:
    """Give rows the hashes of another picture, as the current version would see all of theirs."""
    values = {
        "perceptual_hash": f"{PICTURES[3]:016x}",
        "vertical_hash": f"{PICTURES[3]:016x}",
        "detail_hash": f"{PICTURES[3]:064x}",
        "hash_version": HASH_VERSION,
    }
    ImageAsset.objects.filter(pk__in=[row.pk for row in rows]).update(**values)


def distances() -> dict[int, int]:
    return dict(GroupMember.objects.values_list("asset", "distance"))


def test_versions_of_all_rows_and_of_some(add_hashed):
    rows = [add_hashed(hash_version=version) for version in (OLD, None, 7)]
    ImageAsset.objects.create(image="unhashed.jpg")
    assert versions_of(ImageAsset.objects.all(), None) == [OLD, HASH_VERSION, 7]
    assert versions_of(ImageAsset.objects.all(), {rows[0].pk}) == [OLD, HASH_VERSION]
    assert versions_of(ImageAsset.objects.none(), None) == [HASH_VERSION]


def test_equal_hashes_of_two_versions_are_no_duplicates(add_hashed, group_all):
    old, old_copy = add_hashed(width=200, hash_version=OLD), add_hashed(hash_version=OLD)
    new, new_copy = add_hashed(width=200), add_hashed()
    assert group_all() == {old.pk: {old.pk, old_copy.pk}, new.pk: {new.pk, new_copy.pk}}


@pytest.mark.parametrize("moved", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_a_group_stays_as_it_is_whichever_of_its_images_are_moved(old_trio, moved):
    before, known = stored_groups(), distances()
    move([old_trio[number] for number in moved])
    report = find_duplicates()
    assert stored_groups() == before
    assert not any(report.changes) or moved in {(0, 1), (0, 2), (0, 1, 2)}
    left = {old_trio[number].pk for number in range(3) if number not in moved}
    assert {key: found for key, found in distances().items() if key in left} == {key: known[key] for key in left}


def test_an_image_that_is_hashed_again_stays_with_images_of_the_old_version(old_trio):
    before = stored_groups()
    for row in old_trio:
        move([row])
        update_groups([row.pk], "default", rehashed=True)
        assert stored_groups() == before


def test_an_image_that_is_hashed_again_stays_in_a_large_group(old_trio, monkeypatch):
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 3)
    before = stored_groups()
    move(old_trio[1:2])
    update_groups([old_trio[1].pk], "default", rehashed=True)
    assert stored_groups() == before


def test_a_file_that_was_replaced_leaves_its_group(old_trio):
    ImageAsset.objects.filter(pk=old_trio[1].pk).update(image="other.jpg")
    move(old_trio[1:2])
    find_duplicates()
    assert stored_groups() == {old_trio[0].pk: {old_trio[0].pk, old_trio[2].pk}}


def test_an_upload_leaves_the_group_of_the_file_whose_name_it_has(old_trio):
    keeper, one, other = old_trio
    move([one])
    follow_upload(one.pk, "default")
    assert stored_groups() == {keeper.pk: {keeper.pk, other.pk}}


def test_an_upload_that_still_matches_stays_under_its_name(trio):
    follow_upload(trio[1].pk, "default")
    assert set(GroupMember.objects.values_list("name", flat=True)) == {row.image.name for row in trio}


def test_new_images_join_a_group_through_those_that_are_moved(old_trio, add_hashed):
    keeper, one, other = old_trio
    move([keeper])
    added = add_hashed()
    move([added])
    find_duplicates()
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk, other.pk, added.pk}}


def test_decisions_hold_during_the_move(old_trio, somebody):
    keeper, one, other = old_trio
    decide_same(the_group(), [one.pk], somebody.pk)
    move([keeper])
    decide_different(the_group(), [other.pk], somebody.pk)
    find_duplicates()
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk}}
    assert marked() == {one.pk}
    assert distances()[one.pk] < LARGEST_DISTANCE


def test_a_smaller_distance_ends_pairs_of_two_versions_as_well(old_trio, group_all):
    keeper, one, _other = old_trio
    move([keeper])
    assert group_all(max_distance=5) == {keeper.pk: {keeper.pk, one.pk}}


def test_pairs_are_read_both_ways_round_and_only_among_the_keys(old_trio):
    keeper, one, other = (row.pk for row in old_trio)
    move(old_trio[:1])
    assert set(read_mixed_pairs(None, "default")) == {(keeper, one), (one, keeper), (keeper, other), (other, keeper)}
    assert set(read_mixed_pairs({keeper, other}, "default")) == {(keeper, other), (other, keeper)}
    assert not read_mixed_pairs({one, other}, "default")


def test_a_match_is_the_inverse_from_the_other_side():
    turned = Match(9, Framing.ROW, Orientation.TURNED_LEFT)
    assert seen_from_the_other(turned) == Match(9, Framing.QUERY, Orientation.TURNED_RIGHT)
    assert seen_from_the_other(seen_from_the_other(turned)) == turned
