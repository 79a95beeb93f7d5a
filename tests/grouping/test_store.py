from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.fingerprint.similarity import Match
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.grouping.store import Changes, store_groups
from hashing.models import DuplicateGroup, GroupMember, ImageAsset
from tests.grouping.conftest import stored_groups


def member(asset: ImageAsset, distance: int = 1, *, is_same: bool = False) -> FoundMember:
    return FoundMember(asset.pk, Match(distance), is_same, asset.file_size or 0)


def store(*groups: tuple[ImageAsset, list[FoundMember]]) -> Changes:
    return store_groups([FoundGroup(keeper.pk, members) for keeper, members in groups], "default")


def rows() -> list[tuple]:
    return sorted(GroupMember.objects.values_list())


def test_groups_are_stored_with_their_counts(add_hashed):
    a, b, c = (add_hashed() for _ in range(3))
    assert store((a, [member(b, 1), member(c, 3, is_same=True)])) == Changes(0, 0, 1)
    assert stored_groups() == {a.pk: {a.pk, b.pk, c.pk}}
    group = DuplicateGroup.objects.get()
    assert (group.size, group.open_count, group.max_distance) == (3, 1, 3)


def test_nothing_is_written_when_nothing_changed(add_hashed, django_assert_max_num_queries):
    a, b = add_hashed(), add_hashed()
    store((a, [member(b)]))
    before = rows(), list(DuplicateGroup.objects.values_list())
    with django_assert_max_num_queries(12) as queries:
        assert store((a, [member(b)])) == Changes(0, 0, 0)
    statements = [each["sql"] for each in queries if "sqlite_sequence" not in each["sql"]]
    assert not [each for each in statements if each.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert (rows(), list(DuplicateGroup.objects.values_list())) == before


def test_group_keeps_its_key_when_an_image_joins_or_leaves(add_hashed):
    a, b, c, d = (add_hashed() for _ in range(4))
    store((a, [member(b), member(c)]))
    pk = DuplicateGroup.objects.get().pk
    assert store((a, [member(b, 2), member(d)])) == Changes(0, 1, 0)
    assert stored_groups() == {a.pk: {a.pk, b.pk, d.pk}}
    assert DuplicateGroup.objects.get().pk == pk
    assert GroupMember.objects.get(asset=b).distance == 2


def test_image_moves_from_group_to_group(add_hashed):
    a, b, c, d, moving = (add_hashed() for _ in range(5))
    store((a, [member(b), member(moving)]), (c, [member(d)]))
    store((a, [member(b)]), (c, [member(d), member(moving)]))
    assert stored_groups() == {a.pk: {a.pk, b.pk}, c.pk: {c.pk, d.pk, moving.pk}}
    store((a, [member(b), member(moving)]), (c, [member(d)]))
    assert stored_groups() == {a.pk: {a.pk, b.pk, moving.pk}, c.pk: {c.pk, d.pk}}


def test_group_that_is_not_found_again_is_deleted(add_hashed):
    a, b = add_hashed(), add_hashed()
    store((a, [member(b)]))
    assert store() == Changes(1, 0, 0)
    assert stored_groups() == {}
    assert ImageAsset.objects.count() == 2


def test_another_keeper_makes_another_group(add_hashed):
    a, b = add_hashed(), add_hashed()
    store((a, [member(b)]))
    store((b, [member(a)]))
    assert stored_groups() == {b.pk: {a.pk, b.pk}}


def test_deleted_row_is_left_out(add_hashed):
    a, b, c, d, e = (add_hashed() for _ in range(5))
    groups = [(a, [member(b), member(c)]), (d, [member(e)])]
    ImageAsset.objects.filter(pk__in=[c.pk, d.pk]).delete()
    store(*groups)
    assert stored_groups() == {a.pk: {a.pk, b.pk}}


def test_row_that_lost_its_hash_is_left_out(add_hashed):
    a, b, c = (add_hashed() for _ in range(3))
    ImageAsset.objects.filter(pk=b.pk).update(image="new.jpg")
    store((a, [member(b), member(c)]))
    assert stored_groups() == {a.pk: {a.pk, c.pk}}
    ImageAsset.objects.filter(pk=c.pk).update(image="new.jpg")
    store((a, [member(b)]))
    assert stored_groups() == {}


def test_only_the_given_groups_are_deleted(add_hashed):
    a, b, c, d = (add_hashed() for _ in range(4))
    store((a, [member(b)]), (c, [member(d)]))
    store_groups([], "default", among=[DuplicateGroup.objects.get(keeper=a)])
    assert stored_groups() == {c.pk: {c.pk, d.pk}}


def test_many_groups_are_stored_in_batches(add_hashed, monkeypatch):
    monkeypatch.setattr("hashing.grouping.store.BATCH", 4)
    assets = [add_hashed() for _ in range(24)]
    groups = [(assets[at], [member(asset) for asset in assets[at + 1 : at + 3]]) for at in range(0, 24, 3)]
    seen: list[int] = []
    found = [FoundGroup(keeper.pk, members) for keeper, members in groups]
    store_groups(found, "default", progress=seen.append)
    assert len(stored_groups()) == 8
    assert seen == [25, 50, 75, 100]
    assert store(*groups) == Changes(0, 0, 0)


def test_queries_do_not_grow_with_the_groups_that_have_changed(add_hashed):
    assets = [add_hashed() for _ in range(24)]
    small = [(assets[at], [member(assets[at + 1])]) for at in range(0, 24, 3)]
    grown = [(assets[at], [member(assets[at + 1]), member(assets[at + 2])]) for at in range(0, 24, 3)]
    counts = []
    for changed in (1, 8):
        store(*small)
        with CaptureQueriesContext(connection) as queries:
            assert store(*grown[:changed], *small[changed:]) == Changes(0, changed, 0)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_wrong_counts_of_a_killed_process_are_corrected(add_hashed):
    a, b, c = (add_hashed() for _ in range(3))
    store((a, [member(b, 1), member(c, 3, is_same=True)]))
    DuplicateGroup.objects.update(size=4, open_count=2, open_bytes=7, max_distance=5)
    assert store((a, [member(b, 1), member(c, 3, is_same=True)])) == Changes(0, 1, 0)
    assert stored_groups() == {a.pk: {a.pk, b.pk, c.pk}}


def test_open_bytes_are_those_of_the_undecided_images_besides_the_keeper(add_hashed):
    keeper, *others = (add_hashed(file_size=size) for size in (2**40, 2**33, None, 500))
    store((keeper, [member(others[0], 1), member(others[1], 2), member(others[2], 3, is_same=True)]))
    assert DuplicateGroup.objects.get().open_bytes == 2**33


def test_open_bytes_follow_a_file_of_another_size(add_hashed):
    keeper, other = add_hashed(file_size=9), add_hashed(file_size=5)
    store((keeper, [member(other, 1)]))
    ImageAsset.objects.filter(pk=other.pk).update(file_size=7)
    store((keeper, [member(other, 1)]))
    assert DuplicateGroup.objects.get().open_bytes == 7
