from __future__ import annotations

import random

import pytest

from hashing.grouping.decisions import decide_different, decide_same
from hashing.grouping.incremental import update_groups
from hashing.models import DuplicateGroup, GroupMember, ImageAsset
from tests.grouping.conftest import stored_groups


def test_row_that_matches_nothing_costs_few_queries(add_hashed, django_assert_max_num_queries):
    asset = add_hashed()
    with django_assert_max_num_queries(10):
        update_groups([asset.pk], "default", rehashed=True)
    assert stored_groups() == {}


def test_row_that_is_gone_is_no_error(db):
    update_groups([12345], "default", rehashed=True)
    update_groups([12345], "default")
    assert stored_groups() == {}


def test_one_row_after_the_other_gives_the_groups_of_a_whole_run(add_hashed, group_all):
    dice = random.Random(3)
    for number in range(40):
        asset = add_hashed(number % 4, flips=dice.randrange(3), start=dice.randrange(3), width=dice.randrange(50, 150))
        update_groups([asset.pk], "default", rehashed=True)
    one_by_one = stored_groups()
    keys = set(DuplicateGroup.objects.values_list("pk", flat=True))
    assert group_all() == one_by_one
    assert set(DuplicateGroup.objects.values_list("pk", flat=True)) == keys


def test_row_joins_a_large_group_as_it_is(add_hashed, group_all, monkeypatch):
    keeper, member = add_hashed(width=200), add_hashed()
    group_all()
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 2)
    before = GroupMember.objects.get(asset=member)
    late = add_hashed(flips=2)
    update_groups([late.pk], "default", rehashed=True)
    better = add_hashed(width=300)
    update_groups([better.pk], "default", rehashed=True)
    assert stored_groups() == {keeper.pk: {keeper.pk, member.pk, late.pk, better.pk}}
    added = GroupMember.objects.get(asset=late)
    assert (added.position, added.distance) == (2, 8)
    assert GroupMember.objects.get(asset=member).position == before.position


def test_row_that_matches_only_a_member_of_a_large_group_does_not_join(add_hashed, group_all, monkeypatch):
    keeper, member = add_hashed(width=200), add_hashed(flips=4)
    group_all()
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 2)
    update_groups([add_hashed(flips=8).pk], "default", rehashed=True)
    assert stored_groups() == {keeper.pk: {keeper.pk, member.pk}}


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("has_hash", [True, False])
def test_row_with_another_file_leaves_a_large_group(add_hashed, group_all, monkeypatch, number, has_hash):
    rows = [add_hashed(width=300 - n) for n in range(4)]
    group_all()
    other = add_hashed(1)
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 3)
    hashes = {name: getattr(other, name) if has_hash else None for name in ("perceptual_hash", "vertical_hash")}
    ImageAsset.objects.filter(pk=rows[number].pk).update(**hashes)
    update_groups([rows[number].pk], "default", rehashed=True)
    assert (found := stored_groups()) == group_all()
    assert {row.pk for row in rows} - {rows[number].pk} in found.values()


def test_row_joins_no_large_group_with_one_it_is_not_the_same_as(add_hashed, group_all, somebody, monkeypatch):
    member, other = add_hashed(width=200), add_hashed()
    group_all()
    decide_different(DuplicateGroup.objects.get(), other.pk, somebody.pk)
    add_hashed(width=300), add_hashed(width=250)
    found = group_all()
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 3)
    update_groups([other.pk], "default", rehashed=True)
    assert stored_groups() == found
    assert all(not {member.pk, other.pk} <= keys for keys in found.values())


def test_pictures_that_are_the_same_leave_a_large_group_together(add_hashed, group_all, somebody, monkeypatch):
    copy, same = add_hashed(width=200), add_hashed()
    group_all()
    decide_same(DuplicateGroup.objects.get(), same.pk, somebody.pk)
    keeper, member = add_hashed(width=300), add_hashed(width=250)
    group_all()
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 3)
    decide_different(DuplicateGroup.objects.get(), same.pk, somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, member.pk}, copy.pk: {copy.pk, same.pk}}


def test_row_that_lost_its_hash_leaves(add_hashed, group_all):
    keeper, one, other = add_hashed(width=200), add_hashed(), add_hashed()
    group_all()
    ImageAsset.objects.filter(pk=one.pk).update(image="new.jpg")
    update_groups([one.pk], "default", rehashed=True)
    assert stored_groups() == {keeper.pk: {keeper.pk, other.pk}}
    ImageAsset.objects.filter(pk=keeper.pk).update(image="new.jpg")
    update_groups([keeper.pk], "default", rehashed=True)
    assert stored_groups() == {}


def test_row_that_is_set_free_finds_another_group(add_hashed, group_all):
    first, last = add_hashed(width=200), add_hashed(flips=8, width=190)
    between = add_hashed(flips=4)
    other = add_hashed(flips=9)
    assert group_all() == {first.pk: {first.pk, between.pk}, last.pk: {last.pk, other.pk}}
    ImageAsset.objects.filter(pk=first.pk).update(image="new.jpg")
    update_groups([first.pk], "default", rehashed=True)
    assert stored_groups() == {last.pk: {last.pk, between.pk, other.pk}}
