from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from hashing.backfill import BackfillOptions, BackfillReport, backfill_perceptual_hashes, heartbeat
from hashing.backfill.heartbeat import Heartbeat
from hashing.models import BackfillRun, ImageAsset
from tests.db.faults import cut_connection, only_postgresql

pytestmark = pytest.mark.django_db


class RecordingListener:
    def __init__(self) -> None:
        self.calls: list[object] = []

    def begin(self, total: int) -> None:
        self.calls.append(total)

    def advance(self, *, failed: bool) -> None:
        self.calls.append(failed)

    def tick(self) -> None:
        self.calls.append("tick")


def heartbeat_of_a_run(**labels) -> Heartbeat:
    return Heartbeat(ImageAsset.objects.using("default"), BackfillOptions(start_pk=3), **labels)


def test_run_is_alive_while_it_runs(monkeypatch):
    monkeypatch.setattr(heartbeat, "SECONDS_BETWEEN_WRITES", 0)
    with heartbeat_of_a_run() as run:
        run.begin(7)
        run.advance(failed=False)
        run.advance(failed=True)
        run.tick()
        [found] = BackfillRun.objects.alive()
        assert (found.total, found.processed, found.failed, found.done) == (7, 1, 1, 2)
        assert (found.start_pk, found.end_pk, found.model_label) == ("3", "", "hashing.ImageAsset")
        assert found.worker.endswith(f":{os.getpid()}")
    assert not BackfillRun.objects.unfinished().exists()


def test_not_every_image_is_written(django_assert_num_queries):
    with heartbeat_of_a_run() as run:
        run.begin(7)
        with django_assert_num_queries(0):
            run.advance(failed=False)
            run.tick()


def test_counts_of_a_retried_run_are_added_up():
    with heartbeat_of_a_run() as run:
        run.begin(3)
        run.advance(failed=False)
        run.begin(2)
        run.advance(failed=False)
    assert (BackfillRun.objects.get().total, BackfillRun.objects.get().processed) == (3, 2)


def test_progress_is_forwarded():
    listener = RecordingListener()
    with Heartbeat(ImageAsset.objects.using("default"), BackfillOptions(), listener) as run:
        run.begin(2)
        run.advance(failed=True)
        run.tick()
    assert listener.calls == [2, True, "tick"]


def test_error_is_recorded():
    run = heartbeat_of_a_run()
    run.begin(1)
    run.__exit__(KeyError, KeyError("nowhere"), None)
    assert BackfillRun.objects.get().stopped == "KeyError: 'nowhere'"
    assert BackfillRun.objects.get().ended_at is not None


def test_run_that_did_not_start_is_not_recorded():
    with heartbeat_of_a_run():
        pass
    assert not BackfillRun.objects.exists()


def test_run_continues_when_it_cannot_be_recorded(add_image, caplog):
    asset = add_image()
    connection.cursor().execute(f"ALTER TABLE {BackfillRun._meta.db_table} RENAME TO elsewhere")
    with caplog.at_level("WARNING", logger="hashing"):
        assert backfill_perceptual_hashes(workers=1)["processed"] == 1
    assert "cannot be recorded" in caplog.text
    asset.refresh_from_db()
    assert asset.perceptual_hash


def test_dry_run_is_not_recorded(add_image):
    add_image()
    backfill_perceptual_hashes(workers=1, dry_run=True)
    assert not BackfillRun.objects.exists()


def test_outdated_records_are_deleted():
    old = timezone.now() - timedelta(days=8)
    BackfillRun.objects.create(worker="old:1", total=1, started_at=old, heartbeat_at=old)
    with heartbeat_of_a_run() as run:
        run.begin(1)
    assert [each.worker for each in BackfillRun.objects.all()] != ["old:1"]
    assert BackfillRun.objects.count() == 1


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_connection_that_was_cut_while_idle_is_replaced(caplog):
    with heartbeat_of_a_run() as run:
        run.begin(7)
        cut_connection()
        run.advance(failed=True)
    assert (BackfillRun.objects.get().failed, caplog.text) == (1, "")


def test_result_replaces_the_counts():
    with heartbeat_of_a_run() as run:
        run.begin(3)
        for _ in range(3):
            run.advance(failed=False)
        run.set_result(BackfillReport(total=3, processed=1, failed=1, stopped="gone"))
    kept = BackfillRun.objects.get()
    assert (kept.total, kept.processed, kept.failed, kept.stopped) == (3, 1, 1, "gone")
