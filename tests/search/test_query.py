from __future__ import annotations

import pytest

from hashing.fingerprint.fingerprint import HASH_VERSION, Fingerprint, Inside, InsideBox, parse_hash
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Part, compared_parts
from hashing.models import ImageAsset
from hashing.search.query import (
    HashQuery,
    check_distance,
    check_hash_distance,
    is_searchable,
    whole_of,
)
from tests.search.fingerprints import INSIDE, PICTURE, asset, inside_fields

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
    assert whole_of(source).hashes == PICTURE


@pytest.mark.parametrize(
    "text", ["", "0" * 15, "0" * 17, f"{'0' * 15}\n", f" {'0' * 15}", "0x" + "0" * 14, "\uff10" * 16]
)
def test_malformed_hash_is_refused(text):
    for name in PICTURE.fields:
        with pytest.raises(ValueError, match="hexadecimal"):
            whole_of(asset(**{name: text}))
    with pytest.raises(ValueError, match="hexadecimal"):
        parse_hash(text)


@pytest.mark.parametrize("name", PICTURE.fields)
def test_picture_without_one_of_the_hashes_is_refused(name):
    with pytest.raises(ValueError, match="no hash to search by"):
        query(asset(**{name: None}))


@pytest.mark.parametrize(("quality", "bits"), [(None, 20), (100, 20), (40, 20), (39, 18), (35, 10), (30, 0)])
def test_low_quality_of_the_picture_lowers_the_limit(quality, bits):
    found = query(asset(hash_quality=quality), include_low_quality=True)
    assert [found.small_limit_of(pair) for pair in found.pairs if pair.row == Part.WHOLE] == [bits]


def test_query_of_a_fingerprint_equals_that_of_its_asset():
    assert query(FINGERPRINT) == query(asset(hash_quality=90))


def test_one_copy_for_each_orientation():
    [part] = query(asset()).parts
    expected = ("".join(PICTURE.oriented(orientation).fields.values()) for orientation in Orientation)
    assert part.copies(tuple(Orientation)) == tuple(expected)


@pytest.mark.parametrize(
    ("fields", "searchable"),
    [
        ({}, True),
        ({"hash_quality": None}, True),
        ({"hash_version": None}, True),
        ({"hash_quality": 35}, True),
        ({"hash_quality": 34}, False),
        ({"hash_version": HASH_VERSION + 1}, True),
        ({"perceptual_hash": None}, False),
        ({"vertical_hash": None}, False),
        ({"detail_hash": None}, False),
    ],
)
def test_picture_is_searchable_by_hashes_of_sufficient_quality(fields, searchable):
    assert is_searchable(asset(**fields), include_low_quality=False) is searchable
    low = fields.get("hash_quality") == 34
    assert is_searchable(asset(**fields), include_low_quality=True) is (searchable or low)


def test_rows_of_the_version_of_the_picture_are_compared():
    versions = [query(source).version for source in (FINGERPRINT, asset(hash_version=None), asset(hash_version=0))]
    assert versions == [HASH_VERSION, HASH_VERSION, 0]


def test_fingerprint_is_searchable_by_its_quality():
    assert is_searchable(FINGERPRINT, include_low_quality=False)
    assert not is_searchable(FINGERPRINT._replace(quality=34), include_low_quality=False)


@pytest.mark.parametrize(
    ("whole", "inside", "parts"),
    [
        (35, None, [Part.WHOLE]),
        (None, 35, [Part.WHOLE, Part.INSIDE]),
        (34, 35, [Part.INSIDE]),
        (35, 34, [Part.WHOLE]),
        (34, 34, []),
    ],
)
def test_each_part_is_searchable_by_its_own_quality(settings, whole, inside, parts):
    framed = asset(hash_quality=whole, **inside_fields(INSIDE, inside))
    assert [part.part for part in query(framed).parts] == parts
    assert is_searchable(framed, include_low_quality=False) is bool(parts)
    settings.HASHING = {"COMPARE_INSIDE_FRAMES": False}
    assert is_searchable(framed, include_low_quality=False) is (Part.WHOLE in parts)


def test_query_of_a_framed_fingerprint_equals_that_of_its_asset():
    inside = Inside(**INSIDE.fields, quality=50, box=InsideBox(100, 100, 900, 900))
    of_fingerprint = query(FINGERPRINT._replace(inside=inside))
    assert of_fingerprint == query(asset(hash_quality=90, **inside_fields(INSIDE, 50)))
    copies = [part.copies((Orientation.UPRIGHT,)) for part in of_fingerprint.parts]
    assert copies == [("".join(hashes.fields.values()),) for hashes in (PICTURE, INSIDE)]


@pytest.mark.parametrize(("max_distance", "of_wholes", "of_insides"), [(100, 20, 15), (40, 8, 6), (1, 0, 0)])
def test_insides_are_compared_within_three_quarters(max_distance, of_wholes, of_insides):
    framed = query(asset(**inside_fields(INSIDE, 90)), max_distance)
    limits = {(pair.own.part, pair.row): framed.small_limit_of(pair) for pair in framed.pairs}
    assert limits.pop((Part.WHOLE, Part.WHOLE)) == of_wholes
    assert list(limits.values()) == [of_insides] * 3


def test_inside_of_lowest_quality_does_not_limit_the_whole():
    framed = query(asset(hash_quality=90, **inside_fields(INSIDE, 36)))
    assert [framed.small_limit_of(pair) for pair in framed.pairs] == [20, 15, 9, 9]


def test_malformed_inside_is_refused():
    with pytest.raises(ValueError, match="hexadecimal"):
        query(asset(**inside_fields(INSIDE, 90) | {"inside_detail_hash": "x"}))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("other", [False, True])
def test_pairs_are_those_of_the_rule(own, other):
    framed = query(asset(**inside_fields(INSIDE, 90 if own else None)))
    pairs = [(pair.own.part, pair.row) for pair in framed.pairs if pair.is_framed in (None, other)]
    rule = compared_parts(is_framed=own, other_is_framed=other)
    # Without a frame, a row has no inside that could match.
    assert sorted(pair for pair in pairs if other or pair[1] == Part.WHOLE) == sorted(rule)


def test_without_insides_only_wholes_are_compared(settings):
    settings.HASHING = {"COMPARE_INSIDE_FRAMES": False}
    [pair] = query(asset(**inside_fields(INSIDE, 90))).pairs
    assert (pair.own.part, pair.row, pair.is_framed) == (Part.WHOLE, Part.WHOLE, None)
