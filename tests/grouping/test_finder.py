from __future__ import annotations

import random

import pytest

from hashing.facts import HASH_FIELDS
from hashing.grouping.finder import find_groups
from hashing.grouping.options import GroupingOptions
from hashing.grouping.verdicts import Verdicts
from hashing.models import ImageAsset
from hashing.orientations import Orientation, orient


def found(verdicts: Verdicts | None = None, **options) -> dict[int, list[int]]:
    groups = find_groups(ImageAsset.objects.all(), GroupingOptions(**options), verdicts)
    return {group.keeper: [member.key for member in group.members] for group in groups}


def facts_of(asset: ImageAsset) -> dict[str, object]:
    return {name: getattr(asset, name) for name in HASH_FIELDS}


def test_copies_are_grouped_and_others_left_alone(add_hashed):
    first, copy, _other = add_hashed(0), add_hashed(0, flips=3), add_hashed(1)
    assert found() == {first.pk: [copy.pk]}


def test_both_distances_decide(add_hashed):
    one = add_hashed(0)
    add_hashed(0, vertical_hash="0" * 16)
    assert found() == {}
    assert list(found(confirm_distance=64)) == [one.pk]


@pytest.mark.parametrize(("distance", "grouped"), [(4, False), (5, True)])
def test_limit_is_included(add_hashed, distance, grouped):
    add_hashed(0)
    add_hashed(0, flips=5)
    assert bool(found(max_distance=distance)) == grouped


def test_members_are_in_the_order_of_their_distances(add_hashed):
    keeper = add_hashed(0, width=200)
    far, near, same = add_hashed(0, flips=4), add_hashed(0, flips=1), add_hashed(0)
    assert found() == {keeper.pk: [same.pk, near.pk, far.pk]}
    members = find_groups(ImageAsset.objects.all(), GroupingOptions())[0].members
    assert [(member.distance, member.confirm_distance) for member in members] == [(0, 0), (1, 1), (4, 4)]


def test_keeper_has_most_pixels_then_bytes_then_age(add_hashed):
    old, heavy, large = add_hashed(), add_hashed(file_size=2000), add_hashed(width=101)
    assert list(found()) == [large.pk]
    ImageAsset.objects.filter(pk=large.pk).delete()
    assert list(found()) == [heavy.pk]
    ImageAsset.objects.filter(pk=heavy.pk).update(file_size=1000, created_at=old.created_at)
    assert list(found()) == [old.pk]


def test_chain_is_no_group(add_hashed):
    middle = add_hashed(0, width=200)
    left, right = add_hashed(0, flips=4), add_hashed(0, flips=4, start=10)
    further = add_hashed(0, flips=8, start=10)
    assert found() == {middle.pk: [left.pk, right.pk]}
    assert further.pk not in found()


def test_blank_pages_are_not_grouped(add_hashed):
    add_hashed(0, hash_quality=10)
    add_hashed(0, hash_quality=10)
    add_hashed(0)
    assert found() == {}


def test_rows_without_hashes_are_left_out(add_hashed):
    add_hashed(0, perceptual_hash=None, vertical_hash=None)
    add_hashed(0, vertical_hash=None)
    add_hashed(0)
    assert found() == {}


def test_thousands_of_equal_rows_are_one_group(add_hashed):
    first = add_hashed(0)
    copies = [ImageAsset(image="x", **facts_of(first)) for _ in range(3000)]
    ImageAsset.objects.bulk_create(copies)
    assert {keeper: len(members) for keeper, members in found().items()} == {first.pk: 3000}


@pytest.mark.parametrize("orientation", [each for each in Orientation if each is not Orientation.UPRIGHT])
def test_turned_copies_are_grouped_when_asked_for(add_hashed, orientation):
    upright = add_hashed(0, width=200)
    turned = orient(int(upright.perceptual_hash, 16), int(upright.vertical_hash, 16), orientation)
    copy = add_hashed(perceptual_hash=f"{turned[0]:016x}", vertical_hash=f"{turned[1]:016x}")
    assert found() == {}
    assert found(any_orientation=True) == {upright.pk: [copy.pk]}
    (member,) = find_groups(ImageAsset.objects.all(), GroupingOptions(any_orientation=True))[0].members
    assert (member.orientation, member.distance, member.confirm_distance) == (orientation, 0, 0)


def test_decided_pair_is_not_grouped_again(add_hashed):
    keeper, one, other = add_hashed(width=200), add_hashed(flips=1), add_hashed(flips=2)
    different = Verdicts(different={keeper.pk: {one.pk}, one.pk: {keeper.pk}})
    assert found(different) == {keeper.pk: [other.pk]}
    apart = Verdicts(different={other.pk: {one.pk}, one.pk: {other.pk}})
    assert found(apart) == {keeper.pk: [one.pk]}


def test_pictures_that_count_as_one_stay_together(add_hashed):
    keeper, far = add_hashed(0), add_hashed(1)
    near_far = add_hashed(1, flips=2)
    both = (keeper.pk, far.pk)
    same = Verdicts(same=dict.fromkeys(both, both), marked=frozenset({far.pk}))
    assert {key: set(members) for key, members in found(same).items()} == {keeper.pk: {far.pk, near_far.pk}}


def test_marked_duplicate_is_no_keeper(add_hashed):
    large, small = add_hashed(width=500), add_hashed()
    both = (large.pk, small.pk)
    assert found(Verdicts(same=dict.fromkeys(both, both), marked=frozenset({large.pk}))) == {small.pk: [large.pk]}


def test_groups_do_not_depend_on_the_order_of_the_rows(add_hashed):
    dice = random.Random(1)
    rows = [
        add_hashed(dice.randrange(2), flips=dice.randrange(6), start=dice.randrange(20), width=dice.randrange(90, 99))
        for _ in range(60)
    ]
    groups = find_groups(ImageAsset.objects.all(), GroupingOptions())
    assert groups == find_groups(ImageAsset.objects.order_by("-pk"), GroupingOptions())
    by_key = {row.pk: row for row in rows}
    for group in groups:
        matching = ImageAsset.objects.similar_to(by_key[group.keeper]).values_list("pk", flat=True)
        assert {member.key for member in group.members} <= set(matching)


def test_exact_bytes_reads_the_files(add_image, add_hashed):
    fields = facts_of(add_hashed(0))
    one, other = (add_image(name, content=b"same bytes", **fields) for name in ("one.jpg", "two.jpg"))
    add_image("three.jpg", content=b"diff bytes", **fields)
    add_image("four.jpg", content=None, **fields)
    assert found(exact_bytes=True) == {one.pk: [other.pk]}


def test_exact_bytes_groups_blank_pages(add_image, add_hashed):
    fields = facts_of(add_hashed(0, hash_quality=0))
    one, other = (add_image(name, content=b"page", **fields) for name in ("one.png", "two.png"))
    assert found() == {}
    assert found(exact_bytes=True) == {one.pk: [other.pk]}
