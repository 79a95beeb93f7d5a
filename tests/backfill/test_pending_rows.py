from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hashing.backfill.options import BackfillOptions
from hashing.backfill.pending_rows import PendingRows
from hashing.models import ImageAsset

pytestmark = pytest.mark.django_db


def add_rows(*kinds: str) -> list[int]:
    """Add rows that were never tried ("new"), that failed ("failed") or are hashed ("hashed"); return their keys."""
    fields = {"new": {}, "failed": {"hash_error": "broken"}, "hashed": {"perceptual_hash": "0" * 16}}
    return [ImageAsset.objects.create(image=f"{at}.jpg", **fields[kind]).pk for at, kind in enumerate(kinds)]


def pending(**options) -> PendingRows:
    return PendingRows(ImageAsset.objects.all(), BackfillOptions(**options))


def keys(**options) -> list[int]:
    return [file.pk for file in pending(**options)]


def test_never_tried_rows_come_before_failed_ones():
    failed, hashed, new, failed_too = add_rows("failed", "hashed", "new", "failed")
    assert keys() == [new, failed, failed_too]
    assert hashed not in keys()
    assert len(pending()) == 3


def test_limit_reaches_new_rows_first():
    _, _, new = add_rows("failed", "failed", "new")
    assert keys(limit=1) == [new]
    assert len(pending(limit=1)) == 1


def test_failed_rows_can_be_skipped():
    _, new = add_rows("failed", "new")
    assert keys(skip_failed=True) == [new]
    assert len(pending(skip_failed=True)) == 1


def test_rehash_takes_all_rows_by_key():
    rows = add_rows("failed", "hashed", "new")
    assert keys(rehash=True) == rows
    assert keys(rehash=True, skip_failed=True) == rows[1:]
    assert len(pending(rehash=True)) == 3


def test_start_and_end_keys_are_included():
    rows = add_rows("new", "new", "new", "new")
    assert keys(start_pk=rows[1], end_pk=rows[2]) == rows[1:3]


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_pages_of_any_size_yield_every_row_once(size):
    rows = add_rows(*["new"] * 5)
    assert keys(batch_size=size) == rows


def test_row_that_fails_during_the_run_is_not_yielded_again():
    first, second = add_rows("new", "new")
    listed = []
    for file in pending(batch_size=1):
        listed.append(file.pk)
        ImageAsset.objects.filter(pk=file.pk).update(hash_error="broken", hashed_at=timezone.now())
    assert listed == [first, second]


def test_row_that_failed_earlier_is_yielded():
    (row,) = add_rows("failed")
    ImageAsset.objects.update(hashed_at=timezone.now() - timedelta(days=1))
    assert keys() == [row]


def test_rows_added_later_are_not_yielded():
    (first,) = add_rows("new")
    made_before = pending()
    add_rows("new")
    assert [file.pk for file in made_before] == [first]


def test_empty_table_has_no_pending_rows():
    assert keys() == []
    assert len(pending()) == 0


def test_page_takes_one_query():
    add_rows(*["new"] * 10)
    listed = iter(pending(batch_size=10))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        next(listed)
    assert sum("perceptual_hash" in query["sql"] for query in queries) == 1


def test_page_is_found_through_an_index():
    kinds = ["hashed"] * 2000 + ["new"] * 20
    ImageAsset.objects.bulk_create(
        ImageAsset(image="x.jpg", perceptual_hash="0" * 16 if kind == "hashed" else None) for kind in kinds
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE hashing_imageasset")
    plan = ImageAsset.objects.never_tried().order_by("pk").filter(pk__gt=1)[:500].explain()
    # The database may choose either: NULL hashes are together in the index of the hashes, too.
    assert "image_asset_unhashed_idx" in plan or "image_asset_phash_idx" in plan


@pytest.mark.parametrize("size", [1, 100])
def test_row_that_failed_in_the_future_is_yielded_once(size):
    # The clock of the machine that tried it was ahead.
    rows = add_rows("failed", "failed")
    ImageAsset.objects.update(hashed_at=timezone.now() + timedelta(hours=1))
    listed = []
    for file in pending(batch_size=size):
        listed.append(file.pk)
        ImageAsset.objects.filter(pk=file.pk).update(hashed_at=timezone.now())
    assert listed == rows
    assert len(pending()) == 2


def test_row_tried_in_the_future_is_pending_in_a_shard():
    rows = add_rows("hashed", "failed", "hashed")
    now = timezone.now()
    ImageAsset.objects.update(hashed_at=now + timedelta(hours=1))
    ImageAsset.objects.filter(pk=rows[2]).update(hashed_at=now)
    assert keys(rehash=True, tried_before=now - timedelta(minutes=1)) == rows[:2]
    assert keys(tried_before=now - timedelta(minutes=1)) == [rows[1]]


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)])
def test_limit_covers_new_and_failed_rows_together(limit, count):
    add_rows("failed", "new", "failed", "new")
    assert len(keys(limit=limit)) == len(pending(limit=limit)) == count
    # With `tried_before`, both parts are counted separately.
    assert len(pending(limit=limit, tried_before=timezone.now())) == count


def test_rows_of_a_reversed_queryset_are_yielded_by_ascending_key():
    rows = add_rows(*["new"] * 5)
    reversed_rows = ImageAsset.objects.order_by("-pk").reverse()
    assert [file.pk for file in PendingRows(reversed_rows, BackfillOptions(batch_size=2))] == rows
