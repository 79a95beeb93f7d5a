from __future__ import annotations

import random

import pytest

from hashing.fingerprint.fingerprint import DETAIL_BITS, format_hash, parse_hashes
from hashing.fingerprint.orientations import Orientation, orient
from hashing.grouping.finder import find_groups
from hashing.grouping.options import GroupingOptions
from hashing.grouping.pair_constraints import PairConstraints
from hashing.models import ImageAsset
from hashing.models.hash_fields import HASH_FIELDS


def found(verdicts: PairConstraints | None = None, **options) -> dict[int, list[int]]:
    groups = find_groups(ImageAsset.objects.all(), GroupingOptions(**options), verdicts)
    return {group.keeper: [member.key for member in group.members] for group in groups}


def facts_of(asset: ImageAsset) -> dict[str, object]:
    return {name: getattr(asset, name) for name in HASH_FIELDS}


def test_copies_are_grouped_and_others_left_alone(add_hashed):
    first, copy, _other = add_hashed(0), add_hashed(0, flips=3), add_hashed(1)
    assert found() == {first.pk: [copy.pk]}


def test_detail_hash_decides(add_hashed):
    one = add_hashed(0, width=200)
    _far, near = (
        add_hashed(0, detail_hash=f"{int(one.detail_hash, 16) ^ (1 << bits) - 1:064x}") for bits in (101, 100)
    )
    assert found()[one.pk] == [near.pk]


@pytest.mark.parametrize(("quality", "grouped"), [(35, False), (45, False), (46, True), (100, True), (None, True)])
def test_the_lower_quality_sets_the_limit(add_hashed, quality, grouped):
    add_hashed(0, hash_quality=100)
    off = (1 << 32) - 1
    add_hashed(0, detail_hash=f"{int(ImageAsset.objects.get().detail_hash, 16) ^ off:064x}", hash_quality=quality)
    assert bool(found()) == grouped


@pytest.mark.parametrize(("distance", "grouped"), [(99, False), (100, True)])
def test_limit_is_included(add_hashed, distance, grouped):
    add_hashed(0)
    add_hashed(0, flips=5)
    assert bool(found(max_distance=distance)) == grouped


def test_members_are_in_the_order_of_their_distances(add_hashed):
    keeper = add_hashed(0, width=200)
    far, near, same = add_hashed(0, flips=4), add_hashed(0, flips=1), add_hashed(0)
    assert found() == {keeper.pk: [same.pk, near.pk, far.pk]}
    members = find_groups(ImageAsset.objects.all(), GroupingOptions())[0].members
    assert [member.match.distance for member in members] == [0, 4, 16]


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
def test_turned_copies_are_grouped_with_any_orientation(add_hashed, orientation):
    upright = add_hashed(0, width=200)
    hashes = parse_hashes(upright.perceptual_hash, upright.vertical_hash, upright.detail_hash)
    turned = orient(hashes, orientation)
    copy = add_hashed(
        perceptual_hash=format_hash(turned.perceptual),
        vertical_hash=format_hash(turned.vertical),
        detail_hash=format_hash(turned.detail, DETAIL_BITS),
    )
    assert found() == {}
    assert found(any_orientation=True) == {upright.pk: [copy.pk]}
    (member,) = find_groups(ImageAsset.objects.all(), GroupingOptions(any_orientation=True))[0].members
    assert (member.match.orientation, member.match.distance) == (orientation, 0)


def test_images_that_cannot_link_are_not_grouped(add_hashed):
    keeper, one, other = add_hashed(width=200), add_hashed(flips=1), add_hashed(flips=2)
    different = PairConstraints(cannot_link={keeper.pk: {one.pk}, one.pk: {keeper.pk}})
    assert found(different) == {keeper.pk: [other.pk]}
    apart = PairConstraints(cannot_link={other.pk: {one.pk}, one.pk: {other.pk}})
    assert found(apart) == {keeper.pk: [one.pk]}


def test_must_link_set_stays_together(add_hashed):
    keeper, far = add_hashed(0), add_hashed(1)
    near_far = add_hashed(1, flips=2)
    both = (keeper.pk, far.pk)
    same = PairConstraints(must_link=dict.fromkeys(both, both), marked=frozenset({far.pk}))
    assert {key: set(members) for key, members in found(same).items()} == {keeper.pk: {far.pk, near_far.pk}}


def test_marked_duplicate_is_no_keeper(add_hashed):
    large, small = add_hashed(width=500), add_hashed()
    both = (large.pk, small.pk)
    assert found(PairConstraints(must_link=dict.fromkeys(both, both), marked=frozenset({large.pk}))) == {
        small.pk: [large.pk]
    }


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


def test_exact_bytes_compares_digests_only(add_hashed):
    one, other, _similar = add_hashed(0), add_hashed(0, file_digest=f"{0:064x}"), add_hashed(0)
    assert found(exact_bytes=True) == {one.pk: [other.pk]}


@pytest.mark.parametrize("exact_bytes", [True, False])
def test_equal_blank_pages_and_broken_files_are_grouped(add_hashed, exact_bytes):
    nothing = {"perceptual_hash": None, "vertical_hash": None, "detail_hash": None, "hash_quality": None}
    pages = [add_hashed(0, hash_quality=0, file_digest="a" * 64).pk for _ in range(3)]
    broken = [add_hashed(file_digest="b" * 64, hash_error="broken", **nothing).pk for _ in range(2)]
    add_hashed(0, hash_quality=0)
    add_hashed(file_digest="c" * 64, hash_error="broken", **nothing)
    assert found(exact_bytes=exact_bytes) == {pages[0]: pages[1:], broken[0]: broken[1:]}
    members = [each for group in find_groups(ImageAsset.objects.all(), GroupingOptions()) for each in group.members]
    assert {member.match.distance for member in members} == {0}


def test_equal_files_match_although_one_is_of_another_version(add_hashed):
    one, other = add_hashed(0, file_digest="a" * 64), add_hashed(1, file_digest="a" * 64, hash_version=0)
    near = add_hashed(0, flips=2)
    assert found() == {one.pk: [other.pk, near.pk]}


def test_must_link_image_without_hashes_has_the_largest_distance(add_hashed):
    keeper, copy = add_hashed(width=200), add_hashed()
    broken = add_hashed(perceptual_hash=None, hash_error="broken")
    both = (copy.pk, broken.pk)
    (group,) = find_groups(
        ImageAsset.objects.all(),
        GroupingOptions(),
        PairConstraints(must_link=dict.fromkeys(both, both), marked=frozenset(both)),
    )
    assert [(each.key, each.match.distance) for each in group.members] == [(copy.pk, 0), (broken.pk, 384)]
    assert group.keeper == keeper.pk
