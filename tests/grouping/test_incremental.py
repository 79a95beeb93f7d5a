from __future__ import annotations

import random
import sqlite3

import pytest
from django.db import connection

from hashing.grouping import incremental
from hashing.grouping.decisions import decide_different, decide_same, delete_decisions, keep
from hashing.grouping.incremental import find_matching, update_groups
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, MarkedDuplicate, PairDecision
from tests.grouping.conftest import stored_groups, the_group, undo_last
from tests.grouping.test_pair_constraints import decide as record


def test_row_that_matches_nothing_costs_few_queries(add_hashed, django_assert_max_num_queries):
    asset = add_hashed()
    with django_assert_max_num_queries(10):
        update_groups([asset.pk], "default", rehashed=True)
    assert stored_groups() == {}


def test_deleted_rows_are_ignored(db):
    update_groups([12345], "default", rehashed=True)
    update_groups([12345], "default")
    assert stored_groups() == {}


def test_updates_one_by_one_give_the_groups_of_a_full_run(add_hashed, group_all):
    dice = random.Random(3)
    for number in range(40):
        asset = add_hashed(number % 4, flips=dice.randrange(3), start=dice.randrange(3), width=dice.randrange(50, 150))
        update_groups([asset.pk], "default", rehashed=True)
    one_by_one = stored_groups()
    keys = set(DuplicateGroup.objects.values_list("pk", flat=True))
    assert group_all() == one_by_one
    assert set(DuplicateGroup.objects.values_list("pk", flat=True)) == keys


def test_row_joins_a_large_group_in_place(add_hashed, group_all, monkeypatch):
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


def test_row_does_not_join_a_large_group_with_one_it_cannot_link(add_hashed, group_all, somebody, monkeypatch):
    member, other = add_hashed(width=200), add_hashed()
    group_all()
    decide_different(DuplicateGroup.objects.get(), [other.pk], somebody.pk)
    add_hashed(width=300), add_hashed(width=250)
    found = group_all()
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 3)
    update_groups([other.pk], "default", rehashed=True)
    assert stored_groups() == found
    assert all(not {member.pk, other.pk} <= keys for keys in found.values())


def test_must_link_set_leaves_a_large_group_together(add_hashed, group_all, somebody, monkeypatch):
    copy, same = add_hashed(width=200), add_hashed()
    group_all()
    decide_same(DuplicateGroup.objects.get(), [same.pk], somebody.pk)
    keeper, member = add_hashed(width=300), add_hashed(width=250)
    group_all()
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 3)
    decide_different(DuplicateGroup.objects.get(), [same.pk], somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, member.pk}, copy.pk: {copy.pk, same.pk}}


def test_row_without_a_hash_leaves_its_group(add_hashed, group_all):
    keeper, one, other = add_hashed(width=200), add_hashed(), add_hashed()
    group_all()
    ImageAsset.objects.filter(pk=one.pk).update(image="new.jpg")
    update_groups([one.pk], "default", rehashed=True)
    assert stored_groups() == {keeper.pk: {keeper.pk, other.pk}}
    ImageAsset.objects.filter(pk=keeper.pk).update(image="new.jpg")
    update_groups([keeper.pk], "default", rehashed=True)
    assert stored_groups() == {}


def test_row_that_loses_its_group_joins_another(add_hashed, group_all):
    first, last = add_hashed(width=200), add_hashed(flips=8, width=190)
    between = add_hashed(flips=4)
    other = add_hashed(flips=9)
    assert group_all() == {first.pk: {first.pk, between.pk}, last.pk: {last.pk, other.pk}}
    ImageAsset.objects.filter(pk=first.pk).update(image="new.jpg")
    update_groups([first.pk], "default", rehashed=True)
    assert stored_groups() == {last.pk: {last.pk, between.pk, other.pk}}


def test_large_group_follows_deleted_decisions(trio, somebody, monkeypatch):
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 3)
    keep(the_group(), [trio[0].pk], somebody.pk)
    delete_decisions(set(PairDecision.objects.values_list("lower", "higher")), "default")
    assert (the_group().size, the_group().open_count) == (3, 2)


@pytest.mark.parametrize("size", [2, 1000], ids=["large group", "small group"])
def test_cannot_link_to_any_image_of_the_keepers_must_link_set_excludes(trio, group_all, monkeypatch, size):
    keeper, one, other = trio
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", size)
    record(keeper, one, "same")
    record(one, other, "different")
    update_groups([the_group().keeper_id], "default")
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk}}
    assert group_all() == {keeper.pk: {keeper.pk, one.pk}}
    update_groups([other.pk], "default", rehashed=True)
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk}}


@pytest.mark.parametrize("size", [2, 1000], ids=["large group", "small group"])
def test_must_link_set_of_an_image_that_is_not_the_same_is_excluded(trio, group_all, monkeypatch, size):
    keeper, one, other = trio
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", size)
    record(one, other, "same")
    record(keeper, one, "different")
    update_groups([the_group().keeper_id], "default")
    assert stored_groups() == {one.pk: {one.pk, other.pk}}
    assert group_all() == {one.pk: {one.pk, other.pk}}


# Fewer on PostgreSQL: what a test adds is in no statistics, and the plans for a table that seems empty are quadratic.
COPIES = 1200 if connection.vendor == "sqlite" else 300


@pytest.fixture
def few_parameters(db):
    """The limit that the oldest SQLite has that Django takes, in proportion to the copies of these tests."""
    if connection.vendor == "sqlite":
        kind, raw = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, connection.connection
        before = raw.setlimit(kind, 2 * COPIES - 1)
        yield
        raw.setlimit(kind, before)
    else:
        yield


@pytest.fixture
def crowd(few_parameters, add_hashed, group_all, monkeypatch) -> list[int]:
    monkeypatch.setattr("hashing.db.paging.batches.__defaults__", (COPIES // 3,))
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", COPIES // 2)
    first = add_hashed(width=200)
    facts = {field.attname: getattr(first, field.attname) for field in ImageAsset._meta.fields if field.name != "id"}
    ImageAsset.objects.bulk_create(ImageAsset(**facts | {"width": 100}) for _ in range(COPIES))
    group_all()
    return list(ImageAsset.objects.order_by("pk").values_list("pk", flat=True))


def test_decisions_about_a_large_group_are_made_and_taken_back(crowd, somebody):
    group = DuplicateGroup.objects.get()
    assert group.size == COPIES + 1
    decide_different(group, [crowd[1]], somebody.pk)
    decide_same(group, [crowd[2]], somebody.pk)
    group.refresh_from_db()
    assert (group.size, group.open_count) == (COPIES, COPIES - 2)
    keep(group, [crowd[3]], somebody.pk)
    group = DuplicateGroup.objects.get()
    assert (group.keeper_id, group.size, group.open_count) == (crowd[3], COPIES, 0)
    assert MarkedDuplicate.objects.count() == COPIES - 1
    for _ in range(3):
        undo_last(somebody.pk)
    group = DuplicateGroup.objects.get()
    assert (group.keeper_id, group.size, group.open_count) == (crowd[0], COPIES + 1, COPIES)


def test_upload_joins_a_large_group_in_few_queries(crowd, add_hashed, django_assert_max_num_queries):
    late = add_hashed()
    with django_assert_max_num_queries(40):
        update_groups([late.pk], "default", rehashed=True)
    assert DuplicateGroup.objects.get().size == COPIES + 2


def test_deletions_from_a_large_group_are_counted(crowd):
    ImageAsset.objects.filter(pk__in=crowd[1:4]).delete()
    assert ImageAsset.objects.count() == COPIES - 2


@pytest.fixture
def searched(monkeypatch) -> list[int]:
    """The keys of the assets for which the whole table is searched."""
    keys: list[int] = []

    def find(key, *arguments):
        keys.append(key)
        return find_matching(key, *arguments)

    monkeypatch.setattr(incremental, "find_matching", find)
    return keys


def test_keeper_of_a_pair_is_not_searched_for_when_the_other_image_leaves(add_hashed, group_all, somebody, searched):
    _keeper, other = add_hashed(width=200), add_hashed(flips=1)
    group_all()
    decide_different(the_group(), [other.pk], somebody.pk)
    assert searched == [other.pk]


def test_image_that_was_kept_out_by_another_joins_the_keeper(add_hashed, group_all, somebody, searched):
    keeper, other, third = add_hashed(width=300), add_hashed(flips=1, width=200), add_hashed(flips=2)
    record(other, third, "different")
    assert group_all() == {keeper.pk: {keeper.pk, other.pk}}
    decide_different(the_group(), [other.pk], somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, third.pk}}
