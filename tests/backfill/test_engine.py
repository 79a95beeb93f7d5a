from __future__ import annotations

import asyncio
import logging
import shutil
from collections import Counter
from datetime import timedelta
from typing import Self

import pytest
from django.contrib.auth.models import Permission
from django.db import models
from django.utils import timezone

from hashing.backfill import Backfill, BackfillOptions, abackfill_perceptual_hashes, backfill_perceptual_hashes, engine
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_perceptual_hash
from hashing.workers.worker import Job, Outcome
from tests.workers.test_pool import always_dies

pytestmark = pytest.mark.django_db


class Listener:
    def __init__(self) -> None:
        self.total, self.heard, self.ticks = 0, [], 0

    def begin(self, total: int) -> None:
        self.total = total

    def advance(self, *, failed: bool) -> None:
        self.heard.append(failed)

    def tick(self) -> None:
        self.ticks += 1


def test_hashes_what_has_no_hash_and_returns_the_counts(add_image):
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


def test_a_second_run_has_nothing_left_to_do(add_image):
    add_image()
    backfill_perceptual_hashes()
    assert backfill_perceptual_hashes()["total"] == 0


def test_batch_size_and_limit_are_positional(add_image):
    for number in range(5):
        add_image(f"{number}.png")
    assert backfill_perceptual_hashes(2, 3)["processed"] == 3
    assert ImageAsset.objects.hashed().count() == 3


def test_a_queryset_narrows_the_run(add_image):
    wanted, other = add_image("wanted.png"), add_image("other.png")
    assert backfill_perceptual_hashes(queryset=ImageAsset.objects.filter(image="wanted.png"))["processed"] == 1
    assert ImageAsset.objects.hashed().get() == wanted
    assert ImageAsset.objects.unhashed().get() == other


def test_names_with_quotes_line_breaks_and_any_script_are_hashed(add_image):
    add_image('o\'ne "two"\nthree/写真 ñ.png')
    assert backfill_perceptual_hashes()["failed"] == 0


def test_every_hopeless_file_is_marked_and_costs_no_other(add_image, media):
    good = add_image("good.png")
    whole = (media / "good.png").read_bytes()
    add_image("truncated.png", content=whole[: len(whole) // 2])
    add_image("empty.png", content=b"")
    add_image("text.jpg", content=b"no picture")
    add_image("drawing.jpg", content=b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    add_image("paper.jpg", content=b"%PDF-1.7\n")
    (media / "folder.jpg").mkdir()
    ImageAsset.objects.bulk_create([ImageAsset(image="folder.jpg")])
    result = backfill_perceptual_hashes()
    assert (result["processed"], result["failed"], result["status"]) == (1, 6, "completed")
    assert ImageAsset.objects.hashed().get() == good
    assert dict(ImageAsset.objects.failed().values_list("image", "hash_error")) == {
        "truncated.png": "ValueError: Failed to process image: image file is truncated",
        "empty.png": "ValueError: Failed to process image: the file is empty",
        "text.jpg": "ValueError: Failed to process image: not an image in a supported format",
        "drawing.jpg": "ValueError: Failed to process image: not an image in a supported format",
        "paper.jpg": "ValueError: Failed to process image: not an image in a supported format",
        "folder.jpg": "OSError: not a regular file at folder.jpg",
    }


def test_a_picture_above_the_limit_of_the_site_is_refused(add_image, settings):
    settings.HASHING = {"MAX_PIXELS": 100}
    add_image()
    backfill_perceptual_hashes()
    assert "160 x 120 pixels declared, more than the 100 allowed" in ImageAsset.objects.get().hash_error


def test_an_upload_during_the_run_wins(add_image, media):
    asset = add_image("old.png")

    class Uploader(Listener):
        def advance(self, *, failed: bool) -> None:
            ImageAsset.objects.filter(pk=asset.pk).update(image="new.png")

    report = Backfill(BackfillOptions(), progress=Uploader()).run()
    assert (report.total, report.processed, report.failed, report.left_out) == (1, 0, 0, 1)
    assert report.as_dict()["left_out"] == 1
    assert "Failed: 0\nLeft out: 1\n" in report.as_text()
    asset.refresh_from_db()
    assert asset.perceptual_hash is None


def test_a_listener_hears_the_total_and_every_outcome(add_image):
    add_image()
    add_image("gone.jpg", content=None)
    listener = Listener()
    Backfill(BackfillOptions(), progress=listener).run()
    assert listener.total == 2
    assert sorted(listener.heard) == [False, True]
    assert listener.ticks


def test_a_storage_that_is_gone_marks_nothing(add_image, media):
    add_image()
    shutil.rmtree(media)
    result = backfill_perceptual_hashes()
    assert (result["status"], result["processed"], result["failed"]) == ("partial", 0, 0)
    assert result["errors"][0].startswith("Stopped: The storage cannot be reached: ")
    assert not ImageAsset.objects.failed().exists()


class FlakyPool:
    """Workers to which the storage gives each file at the `gives`-th try only, and says `missing` before that."""

    has_room, chunk_size = True, 4

    def __init__(self, gives: int, *, missing: bool = False) -> None:
        self.gives, self.missing = gives, missing
        self.tries: Counter[str] = Counter()
        self.waiting: list[Job] = []

    def __call__(self, *_arguments, **_keywords) -> FlakyPool:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error) -> None: ...

    @property
    def is_idle(self) -> bool:
        return not self.waiting

    def submit(self, jobs: list[Job]) -> None:
        self.waiting += jobs

    def outcomes(self, wait: float):
        waiting, self.waiting = self.waiting, []
        for job in waiting:
            self.tries[job.name] += 1
            if self.tries[job.name] < self.gives:
                yield Outcome(job.pk, job.name, error="reset", unread=True, missing=self.missing)
            else:
                yield Outcome(job.pk, job.name, Fingerprint("0" * 16, "0" * 16, "0" * 64, 80, 4, 3), 1)


@pytest.mark.parametrize("batch_size", [3, 500])
@pytest.mark.parametrize(
    ("pool", "tries", "hashed"), [(FlakyPool(2), 2, 50), (FlakyPool(3), 2, 0), (FlakyPool(2, missing=True), 1, 0)]
)
def test_a_file_that_was_not_read_is_tried_once_more_unless_it_is_missing(
    add_image, monkeypatch, pool, tries, hashed, batch_size
):
    # A file that can be read: the storage is there.
    add_image("hashed.jpg", perceptual_hash="0" * 16)
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(50))
    monkeypatch.setattr(engine, "HashingPool", pool)
    pool.tries.clear()
    listener = Listener()
    report = Backfill(BackfillOptions(batch_size=batch_size), progress=listener).run()
    assert (report.status, report.processed, report.failed) == ("completed", hashed, 50 - hashed)
    assert set(pool.tries.values()) == {tries}
    assert len(listener.heard) == 50
    assert ImageAsset.objects.unhashed().failed().count() == 50 - hashed


class RecordingPool(FlakyPool):
    """Keeps the sizes of the chunks that it is given."""

    def __init__(self, gives: int) -> None:
        super().__init__(gives)
        self.sizes: list[int] = []

    def submit(self, jobs: list[Job]) -> None:
        self.sizes.append(len(jobs))
        super().submit(jobs)


def test_many_unread_files_lead_to_a_look_at_the_storage_before_the_batch_is_full(add_image, monkeypatch):
    add_image("hashed.jpg", perceptual_hash="0" * 16)
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(40))
    monkeypatch.setattr(engine, "HashingPool", FlakyPool(2))
    looked_at: list[int] = []
    monkeypatch.setattr(engine.StorageProbes, "find_outage", lambda _, outcomes: looked_at.append(len(outcomes)))
    Backfill(BackfillOptions(batch_size=500)).run()
    assert looked_at[:2] == [engine.MAX_UNCERTAIN, engine.MAX_UNCERTAIN]


def test_second_tries_come_one_by_one(add_image, monkeypatch):
    add_image("hashed.jpg", perceptual_hash="0" * 16)
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(12))
    pool = RecordingPool(2)
    monkeypatch.setattr(engine, "HashingPool", pool)
    assert Backfill(BackfillOptions()).run().processed == 12
    assert pool.sizes == [4, 4, 4] + [1] * 12


@pytest.mark.parametrize(("limit", "total"), [(0, 0), (3, 3), (4, 4), (9, 4)])
def test_a_limit_is_over_new_and_failed_rows_together(add_image, limit, total):
    for number in range(2):
        add_image(f"new-{number}.png")
        add_image(f"broken-{number}.png", b"broken", hash_error="broken")
    result = backfill_perceptual_hashes(limit=limit, workers=1)
    assert result["total"] == result["processed"] + result["failed"] == total


def test_stopping_saves_what_is_done(add_image):
    for number in range(30):
        add_image(f"{number}.png")
    result = backfill_perceptual_hashes(
        workers=1, should_stop=lambda: ImageAsset.objects.hashed().exists(), batch_size=3
    )
    assert result["status"] == "partial"
    assert result["errors"] == ["Stopped: Interrupted"]
    assert 3 <= result["processed"] == ImageAsset.objects.hashed().count() < 30
    assert result["processed"] + result["failed"] + result["left_out"] == result["total"] == 30


def test_an_exception_from_outside_saves_what_is_done(add_image):
    for number in range(3):
        add_image(f"{number}.png")

    class Impatient(Listener):
        def advance(self, *, failed: bool) -> None:
            super().advance(failed=failed)
            if len(self.heard) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Backfill(BackfillOptions(workers=1), progress=Impatient()).run()
    assert ImageAsset.objects.hashed().count() == 1


def test_a_failure_after_the_wish_to_stop_marks_no_row(add_image):
    add_image("gone.jpg", content=None)
    asked = iter([False])
    result = backfill_perceptual_hashes(should_stop=lambda: next(asked, True))
    assert (result["status"], result["failed"]) == ("partial", 0)
    assert not ImageAsset.objects.failed().exists()


def test_workers_that_cannot_run_mark_no_row(add_image, monkeypatch):
    add_image()
    monkeypatch.setattr("hashing.workers.pool.start_worker", always_dies)
    result = backfill_perceptual_hashes()
    assert (result["status"], result["failed"]) == ("partial", 0)
    assert result["errors"][0].startswith("Stopped: The worker processes do not run")
    assert not ImageAsset.objects.failed().exists()


def test_rows_are_written_whatever_the_models_own_manager_hides(add_image, monkeypatch):
    add_image()
    rows = ImageAsset.objects.all()
    monkeypatch.setattr(ImageAsset._meta, "default_manager", models.QuerySet(ImageAsset).none())
    assert backfill_perceptual_hashes(queryset=rows)["processed"] == 1


def test_options_that_make_no_sense_are_refused(add_image):
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
def test_unfit_querysets_are_refused_before_anything_starts(add_image, make, reason, django_assert_num_queries):
    add_image()
    with django_assert_num_queries(0), pytest.raises(ValueError, match=reason):
        backfill_perceptual_hashes(queryset=make(ImageAsset.objects.all()))


def test_reversed_queryset_is_hashed_to_its_end(add_image):
    for number in range(5):
        add_image(f"{number}.png")
    result = backfill_perceptual_hashes(batch_size=2, queryset=ImageAsset.objects.order_by("pk").reverse())
    assert (result["total"], result["processed"]) == (5, 5)


def test_row_that_failed_in_the_future_is_tried_once(add_image):
    ahead = timezone.now() + timedelta(hours=1)
    fine = add_image(hash_error="broken", hashed_at=ahead)
    add_image("broken.png", b"broken", hash_error="broken", hashed_at=ahead)
    result = backfill_perceptual_hashes(batch_size=1)
    assert (result["total"], result["processed"], result["failed"]) == (2, 1, 1)
    fine.refresh_from_db()
    assert fine.perceptual_hash


def test_failures_and_progress_are_logged(add_image, caplog):
    gone = add_image("gone.jpg", content=None)
    with caplog.at_level(logging.INFO, "hashing"):
        backfill_perceptual_hashes()
    assert f"Asset {gone.pk}: File not found at gone.jpg" in caplog.text
    assert "0 of 1 done, 1 failed" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_async_twin_does_the_same(add_image):
    asset = add_image()
    result = asyncio.run(abackfill_perceptual_hashes(batch_size=10, limit=5))
    assert result["processed"] == 1
    asset.refresh_from_db()
    assert asset.perceptual_hash


@pytest.mark.django_db(transaction=True)
def test_the_async_twin_stops_when_it_is_cancelled(add_image, caplog):
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
