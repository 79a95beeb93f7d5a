from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from hashing.models import BackfillRun, backfill_runs
from tests.db.faults import only_postgresql, other_session, setting

pytestmark = pytest.mark.django_db

WEEK = 7 * 24 * 3600


def add_run(worker: str, age: int = 0, *, ended: bool = False, **fields) -> BackfillRun:
    now = timezone.now()
    heartbeat_at = now - timedelta(seconds=age)
    times = {
        "started_at": now - timedelta(minutes=2),
        "heartbeat_at": heartbeat_at,
        "ended_at": heartbeat_at if ended else None,
    }
    return BackfillRun.objects.create(worker=worker, total=100, **times, **fields)


def workers(runs) -> list[str]:
    return sorted(run.worker for run in runs)


def test_runs_are_alive_lost_or_ended():
    add_run("alive")
    add_run("quiet", 20)
    add_run("lost", 60)
    add_run("ended", 60, ended=True)
    assert workers(BackfillRun.objects.alive()) == ["alive", "quiet"]
    assert workers(BackfillRun.objects.lost()) == ["lost"]
    assert workers(BackfillRun.objects.unfinished()) == ["alive", "lost", "quiet"]


def test_runs_are_outdated_after_a_week():
    add_run("old", WEEK + 1)
    add_run("new", WEEK - 1)
    assert workers(BackfillRun.objects.outdated()) == ["old"]


def test_rate_is_images_per_second_until_the_last_heartbeat():
    run = add_run("alive", 60, processed=20, failed=10)
    assert run.rate == pytest.approx(0.5)
    assert str(run) == "alive: 30 / 100"


def test_rate_of_a_new_run_is_0():
    run = add_run("alive")
    run.started_at = run.heartbeat_at
    assert run.rate == 0.0


def test_outdated_runs_are_deleted_in_batches(monkeypatch):
    monkeypatch.setattr(backfill_runs, "DELETE_BATCH", 2)
    for _ in range(3):
        add_run("old", WEEK + 1)
    BackfillRun.objects.delete_outdated()
    assert BackfillRun.objects.count() == 1


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_runs_that_another_worker_is_deleting_are_skipped():
    first, _ = (add_run("old", WEEK + 1) for _ in "12")
    with other_session() as other, setting("lock_timeout", "5s"):
        other.execute("BEGIN")
        other.execute("DELETE FROM hashing_backfillrun WHERE id = %s", [first.pk])
        BackfillRun.objects.delete_outdated()
        other.execute("ROLLBACK")
    assert BackfillRun.objects.get() == first
