from __future__ import annotations

import pytest
from django.db import NotSupportedError, connection
from django.db.backends.dummy.base import DatabaseWrapper as OtherDatabase
from django.db.models import F, Value
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_hash_hamming_distance
from hashing.search.comparison import Columns, PostgresqlComparison, SqliteComparison
from hashing.search.distance import HammingDistance, IsMatch
from hashing.search.query import HashQuery
from tests.search.fingerprints import PICTURE, add, asset

ZERO, ONES = "0" * 16, "f" * 16

hashes = st.integers(0, 2**64 - 1).map("{:016x}".format)


def distance(one: str | None, other: str | None) -> int | None:
    """From the database, of a column and a parameter."""
    row = ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", perceptual_hash=one)])[0]
    rows = ImageAsset.objects.annotate(distance=HammingDistance(F("perceptual_hash"), Value(other)))
    return rows.get(pk=row.pk).distance


class TestLaw(HypothesisTestCase):
    @settings(deadline=None)
    @given(hashes, hashes)
    def test_distance_equals_that_of_python(self, one, other):
        assert distance(one, other) == compute_hash_hamming_distance(one, other)


@pytest.mark.parametrize(("other", "bits"), [(ZERO, 0), (ONES, 64), ("8" + "0" * 15, 1), ("0" * 15 + "1", 1)])
def test_every_bit_counts(db, other, bits):
    assert distance(ZERO, other) == bits


@pytest.mark.parametrize("other", [ZERO, ONES])
def test_distance_to_null_is_null(db, other):
    assert distance(None, other) is None


def test_distance_between_two_columns(db):
    ImageAsset.objects.bulk_create(
        ImageAsset(image="x.jpg", perceptual_hash=ZERO, vertical_hash=other) for other in (None, ONES)
    )
    rows = ImageAsset.objects.annotate(distance=HammingDistance("perceptual_hash", "vertical_hash")).order_by("pk")
    assert [row.distance for row in rows] == [None, 64]


def test_rows_can_be_filtered_and_ordered_by_distance(db):
    texts = [ONES, "0" * 14 + "07", ZERO]
    ImageAsset.objects.bulk_create(ImageAsset(image="x.jpg", perceptual_hash=text) for text in texts)
    rows = ImageAsset.objects.annotate(distance=HammingDistance("perceptual_hash", Value(ZERO)))
    near = rows.filter(distance__lte=3).order_by("distance")
    assert [row.distance for row in near] == [0, 3]


def test_other_databases_are_refused():
    compiler = ImageAsset.objects.all().query.get_compiler(connection=OtherDatabase({}))
    with pytest.raises(NotSupportedError, match="not by unknown"):
        compiler.compile(HammingDistance(Value(ZERO), Value(ONES)))
    with pytest.raises(NotSupportedError, match="not by unknown"):
        compiler.compile(IsMatch(HashQuery.of(asset(), 100, any_orientation=False, include_low_quality=False)))


def test_rule_holds_for_each_quality_of_either_picture(db):
    """At the bend of the limit, one bit more is one too many."""
    for own, other in [(79, 100), (100, 79), (55, 60), (None, 42), (36, None)]:
        limit = 2 * (min(quality for quality in (own, other) if quality) - 30)
        at_it, beyond = (add(PICTURE.flipped([], range(bits)), hash_quality=other) for bits in (limit, limit + 1))
        found = set(ImageAsset.objects.similar_to(asset(hash_quality=own)).values_list("pk", flat=True))
        assert at_it.pk in found
        assert beyond.pk not in found
        ImageAsset.objects.all().delete()


@pytest.mark.parametrize("bits", [20, 21])
def test_small_hashes_have_their_own_limit(db, bits):
    add(PICTURE.flipped(range(bits), []))
    assert ImageAsset.objects.similar_to(asset()).exists() is (bits == 20)
    assert ImageAsset.objects.similar_to(asset(), any_orientation=True).exists() is (bits == 20)


def test_hashes_of_an_inside_are_null_without_a_frame(db):
    add()
    names = ("inside_perceptual_hash", "inside_vertical_hash", "inside_detail_hash", "inside_quality")
    comparison = PostgresqlComparison if connection.vendor == "postgresql" else SqliteComparison
    hashes = comparison.inside_hashes(Columns(*names))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {hashes.small}, {hashes.all} FROM hashing_imageasset", [])
        assert cursor.fetchone() == (None, None)
