from __future__ import annotations

import logging
import shutil
from datetime import timedelta

import pytest
from django.db import models
from django.utils import timezone

from hashing.backfill import Backfill, BackfillOptions, backfill_perceptual_hashes
from hashing.models import ImageAsset
from tests.backfill.listener import Listener
from tests.workers.test_pool import always_dies

pytestmark = pytest.mark.django_db


def test_unusual_file_names_are_hashed(add_image):
    add_image('o\'ne "two"\nthree/写真 ñ.png')
    assert backfill_perceptual_hashes()["failed"] == 0


def test_bad_files_are_marked_and_do_not_affect_others(add_image, media):
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


def test_image_above_the_pixel_limit_is_refused(add_image, settings):
    settings.HASHING = {"MAX_PIXELS": 100}
    add_image()
    backfill_perceptual_hashes()
    assert "160 x 120 pixels declared, more than the 100 allowed" in ImageAsset.objects.get().hash_error


def test_row_that_is_replaced_during_the_run_is_left_out(add_image, media):
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


def test_listener_gets_the_total_and_every_outcome(add_image):
    add_image()
    add_image("gone.jpg", content=None)
    listener = Listener()
    Backfill(BackfillOptions(), progress=listener).run()
    assert listener.total == 2
    assert sorted(listener.outcomes) == [False, True]
    assert listener.ticks


def test_missing_storage_marks_no_row(add_image, media):
    add_image()
    shutil.rmtree(media)
    result = backfill_perceptual_hashes()
    assert (result["status"], result["processed"], result["failed"]) == ("partial", 0, 0)
    assert result["errors"][0].startswith("Stopped: The storage cannot be reached: ")
    assert not ImageAsset.objects.failed().exists()


@pytest.mark.parametrize(("limit", "total"), [(0, 0), (3, 3), (4, 4), (9, 4)])
def test_limit_covers_new_and_failed_rows_together(add_image, limit, total):
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


def test_keyboard_interrupt_saves_what_is_done(add_image):
    for number in range(3):
        add_image(f"{number}.png")

    class Interrupting(Listener):
        def advance(self, *, failed: bool) -> None:
            super().advance(failed=failed)
            if len(self.outcomes) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Backfill(BackfillOptions(workers=1), progress=Interrupting()).run()
    assert ImageAsset.objects.hashed().count() == 1


def test_failure_after_the_stop_request_marks_no_row(add_image):
    add_image("gone.jpg", content=None)
    asked = iter([False])
    result = backfill_perceptual_hashes(should_stop=lambda: next(asked, True))
    assert (result["status"], result["failed"]) == ("partial", 0)
    assert not ImageAsset.objects.failed().exists()


def test_workers_that_cannot_start_mark_no_row(add_image, monkeypatch):
    add_image()
    monkeypatch.setattr("hashing.workers.pool.start_worker", always_dies)
    result = backfill_perceptual_hashes()
    assert (result["status"], result["failed"]) == ("partial", 0)
    assert result["errors"][0].startswith("Stopped: The worker processes do not run")
    assert not ImageAsset.objects.failed().exists()


def test_rows_hidden_by_the_default_manager_are_written(add_image, monkeypatch):
    add_image()
    rows = ImageAsset.objects.all()
    monkeypatch.setattr(ImageAsset._meta, "default_manager", models.QuerySet(ImageAsset).none())
    assert backfill_perceptual_hashes(queryset=rows)["processed"] == 1


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
