from __future__ import annotations

import pytest

from hashing.backfill import BackfillOptions, run, run_backfill
from hashing.models import BackfillRun

pytestmark = pytest.mark.django_db


def hash_all():
    return run_backfill(BackfillOptions(workers=1), retry=True)


def test_counts_before_and_after_an_outage_are_added_up(add_image, media, monkeypatch):
    monkeypatch.setattr(run, "RETRY_PAUSES", (7,))
    add_image("first.png")
    elsewhere = media.with_name("elsewhere")
    media.rename(elsewhere)
    waited: list[int] = []

    def wait(seconds: int, _heartbeat: object) -> None:
        waited.append(seconds)
        elsewhere.rename(media)

    monkeypatch.setattr(run, "wait", wait)
    report = hash_all()
    assert waited == [7]
    assert (report.status, report.total, report.processed) == ("completed", 1, 1)
    assert BackfillRun.objects.get().stopped == ""


def test_successful_run_does_not_wait(add_image, monkeypatch):
    monkeypatch.setattr(run, "wait", lambda *_: pytest.fail("waited"))
    add_image()
    assert hash_all().processed == 1


def test_heartbeat_continues_while_waiting(add_image, monkeypatch):
    ticks: list[int] = []
    monkeypatch.setattr(run.time, "sleep", ticks.append)

    class Ticking:
        def tick(self) -> None:
            ticks.append(0)

    run.wait(2, Ticking())
    assert ticks == [1, 0, 1, 0]
