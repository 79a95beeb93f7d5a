from __future__ import annotations

import pytest

from hashing.backfill import BackfillOptions
from hashing.backfill.sharding import shard
from hashing.backfill.sharding.shard import run_with_retries
from hashing.models import BackfillRun, ImageAsset

pytestmark = pytest.mark.django_db


def run():
    return run_with_retries(ImageAsset.objects.using("default"), BackfillOptions(workers=1))


def test_what_was_done_before_and_after_an_outage_adds_up(add_image, media, monkeypatch):
    monkeypatch.setattr(shard, "PAUSES", (7,))
    add_image("first.png")
    away = media.with_name("away")
    media.rename(away)
    waited: list[int] = []

    def wait(seconds: int, _record: object) -> None:
        waited.append(seconds)
        away.rename(media)

    monkeypatch.setattr(shard, "_wait", wait)
    report = run()
    assert waited == [7]
    assert (report.status, report.total, report.processed) == ("completed", 1, 1)
    assert BackfillRun.objects.get().stopped == ""


def test_sound_run_waits_for_nothing(add_image, monkeypatch):
    monkeypatch.setattr(shard, "_wait", lambda *_: pytest.fail("it waited"))
    add_image()
    assert run().processed == 1


def test_wait_keeps_the_record_alive(add_image, monkeypatch):
    ticks: list[int] = []
    monkeypatch.setattr(shard.time, "sleep", ticks.append)

    class Record:
        def tick(self) -> None:
            ticks.append(0)

    shard._wait(2, Record())
    assert ticks == [1, 0, 1, 0]
