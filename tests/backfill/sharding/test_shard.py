from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from hashing.backfill import BackfillOptions, Shard, hash_shard, run, split_into_shards
from hashing.models import BackfillRun, ImageAsset
from hashing.perceptual_hash import compute_perceptual_hash

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(run, "RETRY_PAUSES", (1,))
    monkeypatch.setattr(run, "wait", lambda *_: None)


def shards(size: int = 100, **options) -> list[Shard]:
    return list(split_into_shards(BackfillOptions(**options), size=size, workers=1))


def hash_queued(shard: Shard) -> dict:
    # A queue carries the arguments as JSON.
    return hash_shard(**json.loads(json.dumps(shard.as_arguments())))


def test_only_the_rows_of_the_shard_are_hashed(add_image):
    assets = [add_image(f"{number}.png", seed=number) for number in range(3)]
    [first, _] = shards(size=2)
    assert hash_queued(first) == {"status": "completed", "total": 2, "processed": 2, "failed": 0, "errors": []}
    hashes = list(ImageAsset.objects.order_by("pk").values_list("perceptual_hash", flat=True))
    assert hashes == [*(compute_perceptual_hash(asset.image.path) for asset in assets[:2]), None]


def test_second_run_tries_nothing_again(add_image):
    add_image("broken.png", b"broken")
    add_image("fine.png")
    [shard] = shards()
    assert hash_queued(shard)["failed"] == 1
    assert hash_queued(shard) == {"status": "completed", "total": 0, "processed": 0, "failed": 0, "errors": []}


def test_failed_rows_are_tried_once(add_image):
    add_image("broken.png", b"broken", hash_error="broken", hashed_at=timezone.now() - timedelta(days=1))
    [shard] = shards()
    assert [hash_queued(shard)["total"], hash_queued(shard)["total"]] == [1, 0]


def test_rehash_happens_once_however_often_the_shard_runs(add_image):
    asset = add_image(perceptual_hash="f" * 16, hashed_at=timezone.now() - timedelta(days=1))
    [shard] = shards(rehash=True)
    assert hash_queued(shard)["processed"] == 1
    asset.refresh_from_db()
    assert asset.perceptual_hash == compute_perceptual_hash(asset.image.path)
    assert hash_queued(shard)["total"] == 0
    assert shard.count_pending(timezone.now) == 0


def test_replaced_file_is_hashed(add_image, media):
    asset = add_image("old.png", b"broken")
    [shard] = shards()
    assert hash_queued(shard)["failed"] == 1
    add_image("new.png")
    ImageAsset.objects.filter(pk=asset.pk).update(image="new.png")
    assert hash_queued(shard)["processed"] == 1


def test_result_has_the_first_errors(add_image):
    for number in range(12):
        add_image(f"{number}.png", b"broken")
    [shard] = shards()
    result = hash_queued(shard)
    assert (result["failed"], len(result["errors"])) == (12, 10)


def test_storage_that_is_down_is_waited_for(add_image, media, monkeypatch):
    add_image()
    [shard] = shards()
    media.rename(media.with_name("away"))
    monkeypatch.setattr(run, "wait", lambda *_: media.with_name("away").rename(media))
    assert hash_queued(shard) == {"status": "completed", "total": 1, "processed": 1, "failed": 0, "errors": []}


def test_storage_that_stays_down_ends_the_shard_early(add_image, media):
    asset = add_image()
    [shard] = shards()
    media.rename(media.with_name("away"))
    result = hash_queued(shard)
    assert result["status"] == "partial"
    assert "The storage cannot be reached" in result["errors"][0]
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.hash_error) == (None, "")
    assert BackfillRun.objects.get().stopped == result["errors"][0].removeprefix("Stopped: ")


def test_run_is_recorded_with_batch_and_number(add_image):
    add_image("broken.png", b"broken")
    add_image("fine.png")
    [shard] = shards()
    hash_queued(shard)
    record = BackfillRun.objects.get()
    assert (record.batch_id, record.shard_number) == (shard.batch_id, 0)
    assert (record.start_pk, record.end_pk) == (shard.start_pk, shard.end_pk)
    assert (record.total, record.processed, record.failed) == (2, 1, 1)
    assert record.ended_at is not None
