from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from hashing.backfill.sharding.shard import KeyRange, cut_into_ranges
from hashing.models import ImageAsset


def add_rows(count: int) -> list[int]:
    rows = ImageAsset.objects.bulk_create(ImageAsset(image=f"{at}.png") for at in range(count))
    return [row.pk for row in rows]


def keys_within(found: KeyRange) -> list[int]:
    rows = ImageAsset.objects.filter(pk__gte=found.start_pk, pk__lte=found.end_pk)
    return list(rows.order_by("pk").values_list("pk", flat=True))


class AnyTable(TestCase):
    @given(st.integers(0, 12), st.integers(1, 5), st.none() | st.integers(0, 14))
    def test_ranges_hold_every_row_once_up_to_the_limit(self, count, size, limit):
        keys = add_rows(count)
        ranges = list(cut_into_ranges(ImageAsset.objects.all(), size, limit))
        assert [key for each in ranges for key in keys_within(each)] == keys[:limit]
        assert [each.size for each in ranges] == [len(keys_within(each)) for each in ranges]
        assert all(each.size == size for each in ranges[:-1])


@pytest.mark.django_db
def test_rows_outside_the_list_are_not_counted():
    keys = add_rows(6)
    ImageAsset.objects.filter(pk__in=keys[1:4]).update(perceptual_hash="0" * 16)
    ranges = list(cut_into_ranges(ImageAsset.objects.unhashed(), 2))
    assert ranges == [KeyRange(keys[0], keys[4], 2), KeyRange(keys[5], keys[5], 1)]


@pytest.mark.django_db
def test_two_keys_are_read_for_a_range_however_long():
    add_rows(100)
    with CaptureQueriesContext(connection) as queries:
        list(cut_into_ranges(ImageAsset.objects.all(), 50))
    # And one that finds no more.
    assert len(queries) == 2 * 2 + 1
    assert all("LIMIT 1" in query["sql"] for query in queries)


@pytest.mark.django_db
def test_queries_do_not_grow_with_the_number_of_ranges():
    add_rows(40)
    with CaptureQueriesContext(connection) as captured:
        list(cut_into_ranges(ImageAsset.objects.all(), 2))
    lengths = [len(query["sql"]) for query in captured]
    assert max(lengths[-10:]) <= max(lengths[2:12]) + 10
