from __future__ import annotations

import pytest

from hashing.models import ImageAsset
from hashing.orientations import Orientation, orient
from hashing.perceptual_hash import HASH_VERSION, Fingerprint
from hashing.search.wanted import Limit, Wanted, hashes_of, is_searchable

ONE, OTHER = "0123456789abcdef", "fedcba9876543210"
DETAIL = "3c" * 32
FINGERPRINT = Fingerprint(ONE, OTHER, DETAIL, 90, 1, 1)


def test_limit_of_the_second_hash_is_that_of_the_first_where_both_are_known():
    assert Wanted.of(FINGERPRINT, 7, Limit.SAME) == Wanted(ONE, OTHER, 7, 7)
    assert Wanted.of(ONE, 7, Limit.SAME) == Wanted(ONE, None, 7, None)


def test_no_limit_of_the_second_hash_leaves_it_known():
    assert Wanted.of(FINGERPRINT, 7, None) == Wanted(ONE, OTHER, 7, None)


@pytest.mark.parametrize(("limit", "confirm"), [(0, 0), (64, 64), (0, 64), (64, 0)])
def test_limits_are_from_0_to_64(limit, confirm):
    assert Wanted.of(FINGERPRINT, limit, confirm) == Wanted(ONE, OTHER, limit, confirm)


@pytest.mark.parametrize(("limit", "confirm"), [(-1, None), (65, None), (5, -1), (5, 65)])
def test_limit_outside_is_refused(limit, confirm):
    with pytest.raises(ValueError, match="between 0 and 64"):
        Wanted.of(FINGERPRINT, limit, confirm)


@pytest.mark.parametrize("source", [ONE, Fingerprint(ONE, None, DETAIL, 90, 1, 1), ImageAsset(perceptual_hash=ONE)])
def test_limit_of_a_second_hash_that_is_not_known_is_refused(source):
    with pytest.raises(ValueError, match="confirm_distance needs the vertical hash"):
        Wanted.of(source, 5, 0)


@pytest.mark.parametrize(
    "source",
    [
        FINGERPRINT,
        Fingerprint(ONE.upper(), OTHER.upper(), DETAIL, 90, 1, 1),
        ImageAsset(perceptual_hash=ONE, vertical_hash=OTHER),
    ],
)
def test_hashes_of_all_that_has_some_are_in_lower_case(source):
    assert hashes_of(source) == (ONE, OTHER)


@pytest.mark.parametrize("text", ["", ONE[1:], f"{ONE}0", f"{ONE}\n", f" {ONE[1:]}", "0x" + ONE[2:], "\uff10" * 16])
def test_what_is_no_hash_is_refused_in_either_place(text):
    for source in (text, Fingerprint(ONE, text, DETAIL, 90, 1, 1)):
        with pytest.raises(ValueError, match="hexadecimal"):
            hashes_of(source)


def test_asset_without_a_hash_is_refused():
    with pytest.raises(ValueError, match="no hash to search by"):
        hashes_of(ImageAsset())


@pytest.mark.parametrize("orientation", Orientation)
def test_oriented_has_the_hashes_of_the_turned_copy_and_the_same_limits(orientation):
    turned = Wanted(ONE, OTHER, 3, 4).oriented(orientation)
    expected = orient(int(ONE, 16), int(OTHER, 16), orientation)
    assert (int(turned.perceptual, 16), int(turned.vertical, 16)) == expected
    assert (len(turned.perceptual), len(turned.vertical)) == (16, 16)
    assert (turned.max_distance, turned.confirm_distance) == (3, 4)


def test_one_hash_alone_cannot_be_oriented():
    with pytest.raises(ValueError, match="any_orientation needs the vertical hash"):
        Wanted(ONE, None, 3, None).oriented(Orientation.MIRRORED)


@pytest.mark.parametrize(
    ("facts", "searchable", "with_low_quality"),
    [
        ({}, True, True),
        ({"hash_quality": None, "hash_version": None}, True, True),
        ({"hash_quality": 50}, True, True),
        ({"hash_quality": 49}, False, True),
        ({"hash_version": HASH_VERSION + 1}, False, False),
        ({"perceptual_hash": None}, False, False),
    ],
)
def test_asset_is_searchable_with_a_hash_that_says_enough(facts, searchable, with_low_quality):
    asset = ImageAsset(**{"perceptual_hash": ONE, "hash_quality": 90, "hash_version": HASH_VERSION, **facts})
    assert is_searchable(asset, include_low_quality=False) is searchable
    assert is_searchable(asset, include_low_quality=True) is with_low_quality
