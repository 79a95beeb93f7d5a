from __future__ import annotations

import asyncio
import logging

import pytest
from django.contrib.auth.models import Permission
from django.db import models

from hashing.backfill import abackfill_perceptual_hashes, backfill_perceptual_hashes
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_perceptual_hash

pytestmark = pytest.mark.django_db


def test_rows_without_a_hash_are_hashed_and_counted(add_image):
    asset, gone = add_image(), add_image("gone.jpg", content=None)
    assert backfill_perceptual_hashes() == {
        "status": "completed",
        "total": 2,
        "processed": 1,
        "failed": 1,
        "errors": [f"Asset {gone.pk}: File not found at gone.jpg"],
    }
    asset.refresh_from_db()
    gone.refresh_from_db()
    assert asset.perceptual_hash == compute_perceptual_hash(asset.image.path)
    assert gone.hash_error == "File not found at gone.jpg"


def test_second_run_finds_no_pending_rows(add_image):
    add_image()
    backfill_perceptual_hashes()
    assert backfill_perceptual_hashes()["total"] == 0


def test_batch_size_and_limit_are_positional(add_image):
    for number in range(5):
        add_image(f"{number}.png")
    assert backfill_perceptual_hashes(2, 3)["processed"] == 3
    assert ImageAsset.objects.hashed().count() == 3


def test_queryset_restricts_the_run(add_image):
    wanted, other = add_image("wanted.png"), add_image("other.png")
    assert backfill_perceptual_hashes(queryset=ImageAsset.objects.filter(image="wanted.png"))["processed"] == 1
    assert ImageAsset.objects.hashed().get() == wanted
    assert ImageAsset.objects.unhashed().get() == other


def test_invalid_options_are_refused(add_image):
    with pytest.raises(ValueError, match="batch_size"):
        backfill_perceptual_hashes(batch_size=0)
    with pytest.raises(ValueError, match="Permission has no hashes"):
        backfill_perceptual_hashes(queryset=Permission.objects.all())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda rows: rows[:3], "is sliced; use limit"),
        (lambda rows: rows.union(rows), r"is a union\(\)"),
        (lambda rows: rows.difference(rows), r"is a difference\(\)"),
        (lambda rows: rows.values(), r"has values\(\)"),
        (lambda rows: rows.values_list("pk"), r"has values\(\)"),
        (lambda rows: rows.annotate(one=models.Value(1)).values("one"), r"has values\(\)"),
        (lambda rows: rows.distinct(), r"is distinct\(\)"),
        (lambda rows: rows.select_for_update(), "locks its rows"),
        (lambda rows: rows.raw("SELECT 1 AS id"), "not a RawQuerySet"),
    ],
)
def test_unsuitable_querysets_are_refused_before_the_run(add_image, make, reason, django_assert_num_queries):
    add_image()
    with django_assert_num_queries(0), pytest.raises(ValueError, match=reason):
        backfill_perceptual_hashes(queryset=make(ImageAsset.objects.all()))


@pytest.mark.django_db(transaction=True)
def test_async_backfill_hashes(add_image):
    asset = add_image()
    result = asyncio.run(abackfill_perceptual_hashes(batch_size=10, limit=5))
    assert result["processed"] == 1
    asset.refresh_from_db()
    assert asset.perceptual_hash


@pytest.mark.django_db(transaction=True)
def test_async_backfill_stops_when_it_is_cancelled(add_image, caplog):
    for number in range(60):
        add_image(f"{number}.png")
    caplog.set_level(logging.INFO, "hashing")

    async def cancel_soon() -> None:
        task = asyncio.create_task(abackfill_perceptual_hashes(batch_size=1, workers=1))
        while "1 of 60 done" not in caplog.text:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_soon())
    assert 1 <= ImageAsset.objects.hashed().count() < 60
