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
from hashing.search.distance import HammingDistance, add_distance_to_sqlite

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
    def test_distance_is_that_of_python(self, one, other):
        assert distance(one, other) == compute_hash_hamming_distance(one, other)


@pytest.mark.parametrize(("other", "bits"), [(ZERO, 0), (ONES, 64), ("8" + "0" * 15, 1), ("0" * 15 + "1", 1)])
def test_every_bit_counts(db, other, bits):
    assert distance(ZERO, other) == bits


@pytest.mark.parametrize("other", [ZERO, ONES])
def test_distance_of_nothing_is_nothing(db, other):
    assert distance(None, other) is None


def test_distance_between_two_columns(db):
    ImageAsset.objects.bulk_create(
        ImageAsset(image="x.jpg", perceptual_hash=ZERO, vertical_hash=other) for other in (None, ONES)
    )
    rows = ImageAsset.objects.annotate(distance=HammingDistance("perceptual_hash", "vertical_hash")).order_by("pk")
    assert [row.distance for row in rows] == [None, 64]


def test_rows_are_filtered_and_ordered_by_it(db):
    texts = [ONES, "0" * 14 + "07", ZERO]
    ImageAsset.objects.bulk_create(ImageAsset(image="x.jpg", perceptual_hash=text) for text in texts)
    rows = ImageAsset.objects.annotate(distance=HammingDistance("perceptual_hash", Value(ZERO)))
    near = rows.filter(distance__lte=3).order_by("distance")
    assert [row.distance for row in near] == [0, 3]


def test_another_database_is_refused():
    compiler = ImageAsset.objects.all().query.get_compiler(connection=OtherDatabase({}))
    with pytest.raises(NotSupportedError, match="not by unknown"):
        compiler.compile(HammingDistance(Value(ZERO), Value(ONES)))


def test_receiver_leaves_other_databases_alone():
    add_distance_to_sqlite(connection=OtherDatabase({}))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL counts bits by itself")
def test_function_is_there_in_a_connection_that_was_opened_again(transactional_db):
    connection.close()
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT hashing_distance('0f', 'f0')").fetchone() == (8,)
