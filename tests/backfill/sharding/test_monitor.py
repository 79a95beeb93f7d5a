from __future__ import annotations

import pytest
from django.db import OperationalError

from hashing.backfill import BackfillOptions, BackfillReport, Shard, hash_shard, split_into_shards
from hashing.backfill.heartbeat import Heartbeat
from hashing.backfill.sharding import monitor
from hashing.backfill.sharding.monitor import ShardMonitor
from hashing.backfill.sharding.shard_batch import ShardBatch
from hashing.models import BackfillRun, ImageAsset

pytestmark = pytest.mark.django_db


class RecordingListener:
    def __init__(self, steps: list) -> None:
        self.steps = steps
        self.total = 0
        self.updates: list[tuple[int, int, int | None]] = []

    def begin(self, total: int) -> None:
        self.total = total

    def update(self, done: int, *, failed: int, workers: int | None) -> None:
        self.updates.append((done, failed, workers))

    def tick(self) -> None:
        self.steps.pop(0)()


class Scene:
    """A monitor that runs the next of `steps` between two polls, and stops after the last."""

    def __init__(self, shards: list[Shard], *steps, stall_timeout: float = 1000) -> None:
        self.shards = shards
        self.enqueued: list[Shard] = []
        self.messages: list[str] = []
        self.listener = RecordingListener(list(steps))
        self.monitor = ShardMonitor(
            shards,
            self.enqueued.append,
            stall_timeout,
            progress=self.listener,
            should_stop=lambda: not self.listener.steps,
            notify=self.messages.append,
        )

    def run(self) -> BackfillReport:
        return self.monitor.run()


@pytest.fixture(autouse=True)
def no_delays(monkeypatch):
    monkeypatch.setattr(monitor, "SECONDS_BETWEEN_POLLS", 0)
    monkeypatch.setattr(monitor, "MAX_SHARE_OF_TIME", 1e9)
    monkeypatch.setattr(monitor, "TICK_SECONDS", 0)


@pytest.fixture
def shards(add_image) -> list[Shard]:
    """Two shards of two rows; the last row is broken."""
    for number in range(3):
        add_image(f"{number}.png", seed=number)
    add_image("broken.png", b"broken")
    return list(split_into_shards(BackfillOptions(), size=2, workers=1))


def finish(shard: Shard):
    return lambda: hash_shard(**shard.as_arguments())


def start(shard: Shard):
    """Return a step in which a worker starts the shard and disappears."""

    def step() -> None:
        Heartbeat(shard.rows(), shard.options(), batch_id=shard.batch_id, shard_number=shard.number).begin(shard.size)

    return step


def nothing() -> None:
    pass


def test_results_are_returned_when_all_shards_are_done(shards):
    scene = Scene(shards, finish(shards[1]), finish(shards[0]))
    report = scene.run()
    broken = ImageAsset.objects.get(image="broken.png")
    assert report.as_dict() == {
        "status": "completed",
        "total": 4,
        "processed": 3,
        "failed": 1,
        "errors": [f"Asset {broken.pk}: {broken.hash_error}"],
    }
    assert scene.listener.total == 4
    assert scene.listener.updates == [(0, 0, 0), (2, 1, 0), (4, 1, None)]
    assert (scene.enqueued, scene.messages) == ([], [])


def test_active_workers_are_counted(shards):
    scene = Scene(shards, start(shards[0]), start(shards[1]))
    scene.run()
    assert [workers for _, _, workers in scene.listener.updates] == [0, 1, 2, 2]


def test_interruption_returns_the_counts_so_far(shards):
    scene = Scene(shards, finish(shards[0]))
    report = scene.run()
    assert (report.status, report.interrupted) == ("partial", True)
    assert (report.total, report.processed, report.failed) == (4, 2, 0)


def test_started_shard_that_stalls_is_enqueued_again(shards):
    scene = Scene(shards, start(shards[0]), nothing, finish(shards[1]), nothing, stall_timeout=0)
    scene.run()
    assert shards[0] in scene.enqueued


def test_shard_with_a_worker_is_not_enqueued_again(shards):
    scene = Scene(shards, start(shards[0]), nothing, nothing, stall_timeout=1000)
    scene.run()
    assert scene.enqueued == []


def test_waiting_shard_is_not_enqueued_again_while_others_change(shards, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(monitor.time, "monotonic", lambda: next(clock) / 1000)
    heartbeats = [lambda: BackfillRun.objects.update(processed=1)]
    scene = Scene(shards, start(shards[0]), *heartbeats * 5, stall_timeout=1000)
    scene.run()
    assert shards[1] not in scene.enqueued


def test_all_unfinished_shards_are_enqueued_again_when_nothing_changes(shards):
    scene = Scene(shards, finish(shards[0]), nothing, nothing, stall_timeout=0)
    scene.run()
    # Both before the first was started, later only the other.
    assert scene.enqueued[:2] == shards
    assert set(scene.enqueued[2:]) == {shards[1]}
    assert "Is a worker running" in scene.messages[0]


def test_rows_that_were_hashed_elsewhere_are_not_enqueued_again(shards):
    ImageAsset.objects.update(perceptual_hash="0" * 16)
    scene = Scene(shards, nothing, nothing, stall_timeout=0)
    report = scene.run()
    assert report.status == "completed"
    assert scene.enqueued == []


def test_shard_without_progress_is_given_up(shards):
    report = Scene(shards[:1], *[start(shards[0])] * 50, stall_timeout=0).run()
    reason = "were started 5 times without progress: its worker was lost"
    assert report.stopped == f"Keys {shards[0].start_pk} to {shards[0].end_pk} {reason}"
    assert report.status == "partial"


def test_other_shards_are_finished_when_one_is_given_up(shards):
    scene = Scene(shards, *[start(shards[0])] * 7, finish(shards[1]), stall_timeout=0)
    report = scene.run()
    assert "without progress" in report.stopped
    assert (report.total, report.processed, report.failed) == (4, 1, 1)


def test_progress_includes_rows_that_were_hashed_elsewhere(shards):
    other = split_into_shards(BackfillOptions(), size=4, workers=1)
    scene = Scene(shards, finish(next(other)), stall_timeout=1000)
    assert scene.run().status == "completed"
    assert scene.listener.updates == [(0, 0, 0), (4, 1, None)]


def test_deleted_rows_are_not_counted_as_hashed(shards):
    scene = Scene(shards, lambda: ImageAsset.objects.filter(pk__lte=shards[0].end_pk).delete(), finish(shards[1]))
    report = scene.run()
    assert (report.total, report.processed, report.failed) == (4, 1, 1)


def test_few_shards_are_enqueued_once_more_when_still_nothing_changes(shards, monkeypatch):
    monkeypatch.setattr(monitor, "MAX_ENQUEUED_AGAIN", 1)
    scene = Scene(shards, nothing, nothing, stall_timeout=0)
    scene.run()
    assert scene.enqueued[:2] == shards
    assert set(map(id, scene.enqueued[2:])) == {id(shards[0])}


def test_shard_with_progress_at_each_attempt_is_not_given_up(shards):
    [shard, _] = shards
    keys = [shard.start_pk, shard.end_pk]
    further = [lambda pk=pk: ImageAsset.objects.filter(pk=pk).update(perceptual_hash="0" * 16) for pk in keys]
    steps = [step for _ in range(4) for step in [start(shard)]]
    scene = Scene(shards[:1], *steps, further[0], *steps, further[1], stall_timeout=0)
    assert scene.run().status == "completed"


def test_unreachable_queue_is_reported_and_tried_again(shards):
    scene = Scene(shards, nothing, nothing, nothing, nothing, stall_timeout=0)

    def refuse(shard: Shard) -> None:
        scene.enqueued.append(shard)
        raise ConnectionError("refused")

    scene.monitor._enqueue = refuse
    scene.run()
    assert "The queue cannot be reached: refused" in scene.messages
    # Once at each poll, not once for each shard.
    assert scene.enqueued == [shards[0]] * 4


def test_database_outage_is_waited_for(shards, monkeypatch):
    read = ShardBatch._runs

    def fail(*_: object) -> None:
        monkeypatch.setattr(ShardBatch, "_runs", read)
        raise OperationalError("gone")

    monkeypatch.setattr(ShardBatch, "_runs", fail)
    assert Scene(shards, finish(shards[0]), finish(shards[1])).run().status == "completed"


def test_long_database_outage_ends_the_monitor(shards, monkeypatch):
    monkeypatch.setattr(monitor, "MAX_SECONDS_WITHOUT_DATABASE", 0)

    def fail(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(ShardBatch, "_runs", fail)
    assert Scene(shards, nothing).run().stopped == "The database cannot be read: gone"


def test_single_poll_reports_unfinished_shards(shards, media):
    finish(shards[0])()
    scene = Scene(shards)
    report = scene.monitor.poll_once()
    assert report.stopped == f"Keys {shards[1].start_pk} to {shards[1].end_pk} were not done"
    assert (report.total, report.processed) == (4, 2)


def test_single_poll_of_finished_shards_is_complete(shards):
    for shard in shards:
        finish(shard)()
    assert Scene(shards).monitor.poll_once().status == "completed"
