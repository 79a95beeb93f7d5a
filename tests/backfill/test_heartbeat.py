from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from hashing.backfill import BackfillOptions, BackfillReport, backfill_perceptual_hashes, heartbeat
from hashing.backfill.heartbeat import Heartbeat
from hashing.models import BackfillRun, ImageAsset, backfill_runs
from tests.db.faults import cut_connection, only_postgresql, other_session, setting

pytestmark = pytest.mark.django_db


class Heard:
    def __init__(self) -> None:
        self.calls: list[object] = []

    def begin(self, total: int) -> None:
        self.calls.append(total)

    def advance(self, *, failed: bool) -> None:
        self.calls.append(failed)

    def tick(self) -> None:
        self.calls.append("tick")


def record(**labels) -> Heartbeat:
    return Heartbeat(ImageAsset.objects.using("default"), BackfillOptions(start_pk=3), **labels)


def test_a_run_is_seen_while_it_is_under_way(monkeypatch):
    monkeypatch.setattr(heartbeat, "SECONDS_BETWEEN_WRITES", 0)
    with record() as run:
        run.begin(7)
        run.advance(failed=False)
        run.advance(failed=True)
        run.tick()
        [seen] = BackfillRun.objects.alive()
        assert (seen.total, seen.processed, seen.failed, seen.done) == (7, 1, 1, 2)
        assert (seen.start_pk, seen.end_pk, seen.model_label) == ("3", "", "hashing.ImageAsset")
        assert seen.worker.endswith(f":{os.getpid()}")
    assert not BackfillRun.objects.unfinished().exists()


def test_it_is_written_now_and_then_only(django_assert_num_queries):
    with record() as run:
        run.begin(7)
        with django_assert_num_queries(0):
            run.advance(failed=False)
            run.tick()


def test_a_run_that_went_on_adds_up():
    with record() as run:
        run.begin(3)
        run.advance(failed=False)
        run.begin(2)
        run.advance(failed=False)
    assert (BackfillRun.objects.get().total, BackfillRun.objects.get().processed) == (3, 2)


def test_what_it_hears_is_passed_on():
    heard = Heard()
    with Heartbeat(ImageAsset.objects.using("default"), BackfillOptions(), heard) as run:
        run.begin(2)
        run.advance(failed=True)
        run.tick()
    assert heard.calls == [2, True, "tick"]


def test_an_error_is_on_the_record():
    run = record()
    run.begin(1)
    run.__exit__(KeyError, KeyError("nowhere"), None)
    assert BackfillRun.objects.get().stopped == "KeyError: 'nowhere'"
    assert BackfillRun.objects.get().ended_at is not None


def test_a_run_that_never_began_leaves_no_record():
    with record():
        pass
    assert not BackfillRun.objects.exists()


def test_a_record_that_cannot_be_written_stops_no_run(add_image, caplog):
    asset = add_image()
    connection.cursor().execute(f"ALTER TABLE {BackfillRun._meta.db_table} RENAME TO elsewhere")
    with caplog.at_level("WARNING", logger="hashing"):
        assert backfill_perceptual_hashes(workers=1)["processed"] == 1
    assert "cannot be recorded" in caplog.text
    asset.refresh_from_db()
    assert asset.perceptual_hash


def test_a_dry_run_leaves_no_record(add_image):
    add_image()
    backfill_perceptual_hashes(workers=1, dry_run=True)
    assert not BackfillRun.objects.exists()


def test_records_of_last_week_are_dropped():
    old = timezone.now() - timedelta(days=8)
    BackfillRun.objects.create(worker="old:1", total=1, started_at=old, heartbeat_at=old)
    with record() as run:
        run.begin(1)
    assert [each.worker for each in BackfillRun.objects.all()] != ["old:1"]
    assert BackfillRun.objects.count() == 1


def test_outdated_records_are_dropped_a_thousand_at_a_time(monkeypatch):
    monkeypatch.setattr(backfill_runs, "DELETED_AT_ONCE", 2)
    old = timezone.now() - timedelta(days=8)
    for _ in range(3):
        BackfillRun.objects.create(worker="old:1", total=1, started_at=old, heartbeat_at=old)
    BackfillRun.objects.delete_outdated()
    assert BackfillRun.objects.count() == 1


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_outdated_records_that_another_worker_deletes_are_left_to_it():
    old = timezone.now() - timedelta(days=8)
    first, _ = (BackfillRun.objects.create(worker="old:1", total=1, started_at=old, heartbeat_at=old) for _ in "12")
    with other_session() as other, setting("lock_timeout", "5s"):
        other.execute("BEGIN")
        other.execute("DELETE FROM hashing_backfillrun WHERE id = %s", [first.pk])
        BackfillRun.objects.delete_outdated()
        other.execute("ROLLBACK")
    assert BackfillRun.objects.get() == first


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_cut_while_idle_costs_the_record_nothing(caplog):
    with record() as run:
        run.begin(7)
        cut_connection()
        run.advance(failed=True)
    assert (BackfillRun.objects.get().failed, caplog.text) == (1, "")


def test_the_result_corrects_what_was_counted_before_it_was_written():
    with record() as run:
        run.begin(3)
        for _ in range(3):
            run.advance(failed=False)
        run.set_result(BackfillReport(total=3, processed=1, failed=1, stopped="gone"))
    kept = BackfillRun.objects.get()
    assert (kept.total, kept.processed, kept.failed, kept.stopped) == (3, 1, 1, "gone")
