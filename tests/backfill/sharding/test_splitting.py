from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from hashing.backfill import BackfillOptions, Shard
from hashing.backfill.sharding.shard import KeyRange, split_by_key, split_into_shards
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
        ranges = list(split_by_key(ImageAsset.objects.all(), size, limit))
        assert [key for each in ranges for key in keys_within(each)] == keys[:limit]
        assert [each.size for each in ranges] == [len(keys_within(each)) for each in ranges]
        assert all(each.size == size for each in ranges[:-1])


@pytest.mark.django_db
def test_other_rows_are_not_counted():
    keys = add_rows(6)
    ImageAsset.objects.filter(pk__in=keys[1:4]).update(perceptual_hash="0" * 16)
    ranges = list(split_by_key(ImageAsset.objects.unhashed(), 2))
    assert ranges == [KeyRange(keys[0], keys[4], 2), KeyRange(keys[5], keys[5], 1)]


@pytest.mark.django_db
def test_two_keys_are_read_for_a_range_of_any_size():
    add_rows(100)
    with CaptureQueriesContext(connection) as queries:
        list(split_by_key(ImageAsset.objects.all(), 50))
    # The last one finds no further row.
    assert len(queries) == 2 * 2 + 1
    assert all("LIMIT 1" in query["sql"] for query in queries)


@pytest.mark.django_db
def test_length_of_queries_does_not_grow_with_the_number_of_ranges():
    add_rows(40)
    with CaptureQueriesContext(connection) as captured:
        list(split_by_key(ImageAsset.objects.all(), 2))
    lengths = [len(query["sql"]) for query in captured]
    assert max(lengths[-10:]) <= max(lengths[2:12]) + 10


def shards(size: int = 100, **options) -> list[Shard]:
    return list(split_into_shards(BackfillOptions(**options), size=size, workers=1))


@pytest.mark.django_db
def test_shards_cover_the_list_in_the_order_of_keys(add_image):
    keys = [add_image(f"{number}.png").pk for number in range(5)]
    found = shards(size=2)
    assert [(shard.start_pk, shard.end_pk, shard.size) for shard in found] == [
        (str(keys[0]), str(keys[1]), 2),
        (str(keys[2]), str(keys[3]), 2),
        (str(keys[4]), str(keys[4]), 1),
    ]
    assert [shard.number for shard in found] == [0, 1, 2]
    assert len({shard.batch_id for shard in found}) == 1


@pytest.mark.django_db
def test_every_list_has_its_own_batch_id(add_image):
    add_image()
    assert shards()[0].batch_id != shards()[0].batch_id


@pytest.mark.django_db
def test_failed_rows_are_in_separate_shards_after_the_new_ones(add_image):
    add_image("broken.png", b"broken", hash_error="broken")
    new = add_image("new.png")
    [first, second] = shards()
    assert (first.start_pk, first.skip_failed) == (str(new.pk), True)
    assert second.only_failed
    assert second.count_pending(timezone.now) == 1


@pytest.mark.django_db
def test_failed_rows_can_be_skipped(add_image):
    add_image("broken.png", b"broken", hash_error="broken")
    assert shards(skip_failed=True) == []


@pytest.mark.django_db
def test_limit_reaches_new_rows_first(add_image):
    add_image("broken.png", b"broken", hash_error="broken")
    keys = [add_image(f"{number}.png").pk for number in range(3)]
    assert [(shard.start_pk, shard.end_pk) for shard in shards(limit=2)] == [(str(keys[0]), str(keys[1]))]
    assert [shard.size for shard in shards(limit=4)] == [3, 1]
