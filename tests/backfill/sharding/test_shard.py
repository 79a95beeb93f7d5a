from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from hashing.backfill import BackfillOptions, Shard, hash_shard, split_into_shards
from hashing.backfill.sharding import shard
from hashing.backfill.sharding.shard import failed_rows
from hashing.models import BackfillRun, ImageAsset
from hashing.perceptual_hash import compute_perceptual_hash

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(shard, "PAUSES", (0,))


def jobs(size: int = 100, **options) -> list[Shard]:
    return list(split_into_shards(BackfillOptions(**options), size=size, workers=1))


def run(job: Shard) -> dict:
    # As a queue carries it.
    return hash_shard(**json.loads(json.dumps(job.as_arguments())))


def test_jobs_cover_the_list_in_the_order_of_keys(add_image):
    keys = [add_image(f"{number}.png").pk for number in range(5)]
    made = jobs(size=2)
    assert [(job.start_pk, job.end_pk, job.size) for job in made] == [
        (str(keys[0]), str(keys[1]), 2),
        (str(keys[2]), str(keys[3]), 2),
        (str(keys[4]), str(keys[4]), 1),
    ]
    assert [job.number for job in made] == [0, 1, 2]
    assert len({job.batch_id for job in made}) == 1


def test_every_list_has_a_name_of_its_own(add_image):
    add_image()
    assert jobs()[0].batch_id != jobs()[0].batch_id


def test_job_hashes_its_rows_and_no_others(add_image):
    assets = [add_image(f"{number}.png", seed=number) for number in range(3)]
    [first, _] = jobs(size=2)
    assert run(first) == {"status": "completed", "total": 2, "processed": 2, "failed": 0, "errors": []}
    hashes = list(ImageAsset.objects.order_by("pk").values_list("perceptual_hash", flat=True))
    assert hashes == [*(compute_perceptual_hash(asset.image.path) for asset in assets[:2]), None]


def test_failed_rows_are_jobs_of_their_own_after_the_new_ones(add_image):
    add_image("broken.png", b"broken", hash_error="broken")
    new = add_image("new.png")
    [first, second] = jobs()
    assert (first.start_pk, first.skip_failed) == (str(new.pk), True)
    assert second.only_failed
    assert run(second)["total"] == 1
    new.refresh_from_db()
    assert new.perceptual_hash is None


def test_failed_rows_can_be_skipped(add_image):
    add_image("broken.png", b"broken", hash_error="broken")
    assert jobs(skip_failed=True) == []


def test_limit_reaches_new_rows_first(add_image):
    add_image("broken.png", b"broken", hash_error="broken")
    keys = [add_image(f"{number}.png").pk for number in range(3)]
    assert [(job.start_pk, job.end_pk) for job in jobs(limit=2)] == [(str(keys[0]), str(keys[1]))]
    assert [job.size for job in jobs(limit=4)] == [3, 1]


def test_job_that_is_done_twice_tries_nothing_again(add_image):
    add_image("broken.png", b"broken")
    add_image("fine.png")
    [job] = jobs()
    assert run(job)["failed"] == 1
    assert run(job) == {"status": "completed", "total": 0, "processed": 0, "failed": 0, "errors": []}


def test_failed_rows_of_a_job_are_tried_once(add_image):
    add_image("broken.png", b"broken", hash_error="broken", hashed_at=timezone.now() - timedelta(days=1))
    [job] = jobs()
    assert [run(job)["total"], run(job)["total"]] == [1, 0]


def test_rehash_is_done_once_however_often_the_job_runs(add_image):
    asset = add_image(perceptual_hash="f" * 16, hashed_at=timezone.now() - timedelta(days=1))
    [job] = jobs(rehash=True)
    assert run(job)["processed"] == 1
    asset.refresh_from_db()
    assert asset.perceptual_hash == compute_perceptual_hash(asset.image.path)
    assert run(job)["total"] == 0
    assert job.count_left(timezone.now) == 0


def test_file_that_came_since_is_hashed(add_image, media):
    asset = add_image("old.png", b"broken")
    [job] = jobs()
    assert run(job)["failed"] == 1
    add_image("new.png")
    ImageAsset.objects.filter(pk=asset.pk).update(image="new.png")
    assert run(job)["processed"] == 1


def test_errors_in_the_result_are_few(add_image):
    for number in range(12):
        add_image(f"{number}.png", b"broken")
    [job] = jobs()
    result = run(job)
    assert (result["failed"], len(result["errors"])) == (12, 10)


def test_job_waits_for_a_storage_that_is_away(add_image, media, monkeypatch):
    add_image()
    [job] = jobs()
    media.rename(media.with_name("away"))
    monkeypatch.setattr(shard, "_wait", lambda *_: media.with_name("away").rename(media))
    assert run(job) == {"status": "completed", "total": 1, "processed": 1, "failed": 0, "errors": []}


def test_job_gives_up_on_a_storage_that_stays_away(add_image, media):
    asset = add_image()
    [job] = jobs()
    media.rename(media.with_name("away"))
    result = run(job)
    assert result["status"] == "partial"
    assert "The storage cannot be reached" in result["errors"][0]
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.hash_error) == (None, "")
    assert BackfillRun.objects.get().stopped == result["errors"][0].removeprefix("Stopped: ")


def test_job_leaves_a_record_with_its_number(add_image):
    add_image("broken.png", b"broken")
    add_image("fine.png")
    [job] = jobs()
    run(job)
    record = BackfillRun.objects.get()
    assert (record.batch_id, record.shard_number) == (job.batch_id, 0)
    assert (record.start_pk, record.end_pk) == (job.start_pk, job.end_pk)
    assert (record.total, record.processed, record.failed) == (2, 1, 1)
    assert record.ended_at is not None


def test_failed_rows_are_those_of_the_list_that_failed_since(add_image):
    old = {"hash_error": "broken", "hashed_at": timezone.now() - timedelta(days=1)}
    add_image("before.png", b"broken", **old)
    made = jobs(skip_failed=True)
    assert made == []
    broken = add_image("broken.png", b"broken")
    made = jobs(skip_failed=True)
    run(made[0])
    assert [row.pk for row in failed_rows(made, timezone.now())] == [broken.pk]
