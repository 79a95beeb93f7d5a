from __future__ import annotations

import pytest

from hashing.fingerprint.fingerprint import HASH_VERSION, Fingerprint, parse_hash
from hashing.fingerprint.orientations import Orientation
from hashing.models import ImageAsset
from hashing.search.query import (
    HashQuery,
    check_distance,
    check_hash_distance,
    hashes_of,
    is_searchable,
)
from tests.search.fingerprints import PICTURE, asset

FINGERPRINT = Fingerprint(**PICTURE.fields, quality=90, width=1, height=1)


def query(source: ImageAsset | Fingerprint, distance: int = 100, **options: bool) -> HashQuery:
    return HashQuery.of(source, distance, **{"any_orientation": False, "include_low_quality": False} | options)


@pytest.mark.parametrize(("given", "limit"), [(None, 100), (0, 0), (384, 384)])
def test_distance_is_from_0_to_384_and_the_settings_by_default(given, limit):
    assert check_distance(given) == limit


@pytest.mark.parametrize(("given", "limit"), [(None, 5), (0, 0), (64, 64)])
def test_distance_of_one_hash_is_from_0_to_64_and_5_by_default(given, limit):
    assert check_hash_distance(given) == limit


@pytest.mark.parametrize(("check", "wrong"), [(check_distance, 385), (check_hash_distance, 65)])
def test_distance_out_of_range_is_refused(check, wrong):
    for distance in (-1, wrong):
        with pytest.raises(ValueError, match=f"between 0 and {wrong - 1}, not {distance}"):
            check(distance)


@pytest.mark.parametrize("source", [FINGERPRINT, asset(), asset(perceptual_hash="0123456789ABCDEF")])
def test_hashes_are_parsed(source):
    assert hashes_of(source) == PICTURE


@pytest.mark.parametrize(
    "text", ["", "0" * 15, "0" * 17, f"{'0' * 15}\n", f" {'0' * 15}", "0x" + "0" * 14, "\uff10" * 16]
)
def test_malformed_hash_is_refused(text):
    for name in PICTURE.fields:
        with pytest.raises(ValueError, match="hexadecimal"):
            hashes_of(asset(**{name: text}))
    with pytest.raises(ValueError, match="hexadecimal"):
        parse_hash(text)


@pytest.mark.parametrize("name", PICTURE.fields)
def test_picture_without_one_of_the_hashes_is_refused(name):
    with pytest.raises(ValueError, match="no hash to search by"):
        query(asset(**{name: None}))


@pytest.mark.parametrize(("quality", "bits"), [(None, 20), (100, 20), (40, 20), (39, 18), (35, 10), (30, 0)])
def test_low_quality_of_the_picture_lowers_the_limit(quality, bits):
    assert query(asset(hash_quality=quality)).small_limit == bits


def test_query_of_a_fingerprint_equals_that_of_its_asset():
    assert query(FINGERPRINT) == query(asset(hash_quality=90))


def test_one_copy_for_each_orientation():
    assert query(asset()).copies == ("".join(PICTURE.fields.values()),)
    turned = query(asset(), any_orientation=True)
    assert turned.copies == tuple("".join(PICTURE.oriented(orientation).fields.values()) for orientation in Orientation)


@pytest.mark.parametrize(
    ("fields", "searchable"),
    [
        ({}, True),
        ({"hash_quality": None}, True),
        ({"hash_version": None}, True),
        ({"hash_quality": 35}, True),
        ({"hash_quality": 34}, False),
        ({"hash_version": HASH_VERSION + 1}, False),
        ({"perceptual_hash": None}, False),
        ({"vertical_hash": None}, False),
        ({"detail_hash": None}, False),
    ],
)
def test_picture_is_searchable_by_current_hashes_of_sufficient_quality(fields, searchable):
    assert is_searchable(asset(**fields), include_low_quality=False) is searchable
    low = fields.get("hash_quality") == 34
    assert is_searchable(asset(**fields), include_low_quality=True) is (searchable or low)


def test_fingerprint_is_searchable_by_its_quality():
    assert is_searchable(FINGERPRINT, include_low_quality=False)
    assert not is_searchable(FINGERPRINT._replace(quality=34), include_low_quality=False)
