from __future__ import annotations

import pytest
from django.db import OperationalError

from hashing.backfill import BackfillOptions, BackfillReport, Shard, hash_shard, split_into_shards
from hashing.backfill.heartbeat import Heartbeat
from hashing.backfill.sharding import monitor
from hashing.backfill.sharding.monitor import ShardMonitor
from hashing.models import BackfillRun, ImageAsset

pytestmark = pytest.mark.django_db


class Shown:
    def __init__(self, steps: list) -> None:
        self.steps = steps
        self.total = 0
        self.reached: list[tuple[int, int, int | None]] = []

    def begin(self, total: int) -> None:
        self.total = total

    def reach(self, done: int, *, failed: int, workers: int | None) -> None:
        self.reached.append((done, failed, workers))

    def tick(self) -> None:
        self.steps.pop(0)()


class Scene:
    """A watch over jobs, and what happens between its looks: the next of `steps`. After the last, it is stopped."""

    def __init__(self, jobs: list[Shard], *steps, stall_timeout: float = 1000) -> None:
        self.jobs = jobs
        self.enqueued: list[Shard] = []
        self.said: list[str] = []
        self.shown = Shown(list(steps))
        self.watch = ShardMonitor(
            jobs,
            self.enqueued.append,
            stall_timeout,
            progress=self.shown,
            should_stop=lambda: not self.shown.steps,
            say=self.said.append,
        )

    def run(self) -> BackfillReport:
        return self.watch.run()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(monitor, "SECONDS_BETWEEN_POLLS", 0)
    monkeypatch.setattr(monitor, "MAX_SHARE_OF_TIME", 1e9)
    monkeypatch.setattr(monitor, "TICK_SECONDS", 0)


@pytest.fixture
def jobs(add_image) -> list[Shard]:
    """Two ranges of two rows; the last row is broken."""
    for number in range(3):
        add_image(f"{number}.png", seed=number)
    add_image("broken.png", b"broken")
    return list(split_into_shards(BackfillOptions(), size=2, workers=1))


def doing(job: Shard):
    return lambda: hash_shard(**job.as_arguments())


def beginning(job: Shard):
    """A worker that takes the job and is never heard of again."""

    def begin() -> None:
        Heartbeat(job.rows(), job.options(), batch_id=job.batch_id, shard_number=job.number).begin(job.size)

    return begin


def nothing() -> None:
    pass


def test_it_ends_with_the_results_when_all_ranges_are_done(jobs):
    scene = Scene(jobs, doing(jobs[1]), doing(jobs[0]))
    report = scene.run()
    broken = ImageAsset.objects.get(image="broken.png")
    assert report.as_dict() == {
        "status": "completed",
        "total": 4,
        "processed": 3,
        "failed": 1,
        "errors": [f"Asset {broken.pk}: {broken.hash_error}"],
    }
    assert scene.shown.total == 4
    assert scene.shown.reached == [(0, 0, 0), (2, 1, 0), (4, 1, None)]
    assert (scene.enqueued, scene.said) == ([], [])


def test_runs_at_work_are_counted(jobs):
    scene = Scene(jobs, beginning(jobs[0]), beginning(jobs[1]))
    scene.run()
    assert [workers for _, _, workers in scene.shown.reached] == [0, 1, 2, 2]


def test_interruption_ends_the_watch_and_says_how_it_stands(jobs):
    scene = Scene(jobs, doing(jobs[0]))
    report = scene.run()
    assert (report.status, report.interrupted) == ("partial", True)
    assert (report.total, report.processed, report.failed) == (4, 2, 0)


def test_range_that_was_begun_and_stopped_moving_is_enqueued_again(jobs):
    scene = Scene(jobs, beginning(jobs[0]), nothing, doing(jobs[1]), nothing, stall_timeout=0)
    scene.run()
    assert jobs[0] in scene.enqueued


def test_range_that_moves_is_not_enqueued_again(jobs):
    scene = Scene(jobs, beginning(jobs[0]), nothing, nothing, stall_timeout=1000)
    scene.run()
    assert scene.enqueued == []


def test_range_in_the_queue_is_enqueued_once_while_others_move(jobs, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(monitor.time, "monotonic", lambda: next(clock) / 1000)
    signs = [lambda: BackfillRun.objects.update(processed=1)]
    scene = Scene(jobs, beginning(jobs[0]), *signs * 5, stall_timeout=1000)
    scene.run()
    assert jobs[1] not in scene.enqueued


def test_all_that_is_left_is_enqueued_again_when_nothing_moves(jobs):
    scene = Scene(jobs, doing(jobs[0]), nothing, nothing, stall_timeout=0)
    scene.run()
    # Both before the first had begun, from then on the other one alone.
    assert scene.enqueued[:2] == jobs
    assert set(scene.enqueued[2:]) == {jobs[1]}
    assert "Is a worker running" in scene.said[0]


def test_rows_that_somebody_else_has_done_are_not_enqueued_again(jobs):
    ImageAsset.objects.update(perceptual_hash="0" * 16)
    scene = Scene(jobs, nothing, nothing, stall_timeout=0)
    report = scene.run()
    assert report.status == "completed"
    assert scene.enqueued == []


def test_range_that_gets_no_further_ends_the_watch(jobs):
    report = Scene(jobs[:1], *[beginning(jobs[0])] * 50, stall_timeout=0).run()
    reason = "were begun 5 times and got no further: its worker was lost"
    assert report.stopped == f"Keys {jobs[0].start_pk} to {jobs[0].end_pk} {reason}"
    assert report.status == "partial"


def test_other_ranges_are_waited_for_when_one_gets_no_further(jobs):
    scene = Scene(jobs, *[beginning(jobs[0])] * 7, doing(jobs[1]), stall_timeout=0)
    report = scene.run()
    assert "got no further" in report.stopped
    assert (report.total, report.processed, report.failed) == (4, 1, 1)


def test_what_others_do_in_the_ranges_moves_the_bar(jobs):
    """Of another list, for example, that was enqueued before."""
    other = split_into_shards(BackfillOptions(), size=4, workers=1)
    scene = Scene(jobs, doing(next(other)), stall_timeout=1000)
    assert scene.run().status == "completed"
    assert scene.shown.reached == [(0, 0, 0), (4, 1, None)]


def test_rows_that_are_deleted_meanwhile_are_not_hashed(jobs):
    scene = Scene(jobs, lambda: ImageAsset.objects.filter(pk__lte=jobs[0].end_pk).delete(), doing(jobs[1]))
    report = scene.run()
    assert (report.total, report.processed, report.failed) == (4, 1, 1)


def test_a_few_are_enqueued_when_all_were_and_nothing_moves(jobs, monkeypatch):
    monkeypatch.setattr(monitor, "MAX_ENQUEUED_AGAIN", 1)
    scene = Scene(jobs, nothing, nothing, stall_timeout=0)
    scene.run()
    assert scene.enqueued[:2] == jobs
    assert set(map(id, scene.enqueued[2:])) == {id(jobs[0])}


def test_range_that_gets_further_each_time_is_tried_on(jobs):
    [job, _] = jobs
    keys = [job.start_pk, job.end_pk]
    further = [lambda pk=pk: ImageAsset.objects.filter(pk=pk).update(perceptual_hash="0" * 16) for pk in keys]
    steps = [step for _ in range(4) for step in [beginning(job)]]
    scene = Scene(jobs[:1], *steps, further[0], *steps, further[1], stall_timeout=0)
    assert scene.run().status == "completed"


def test_queue_that_is_away_is_told_and_tried_again(jobs):
    scene = Scene(jobs, nothing, nothing, nothing, nothing, stall_timeout=0)

    def refuse(job: Shard) -> None:
        scene.enqueued.append(job)
        raise ConnectionError("refused")

    scene.watch._enqueue = refuse
    scene.run()
    assert "The queue cannot be reached: refused" in scene.said
    # Once at each look, and not once for each range.
    assert scene.enqueued == [jobs[0]] * 4


def test_database_that_is_away_is_waited_for(jobs, monkeypatch):
    read = ShardMonitor._signs

    def fail(*_: object) -> None:
        monkeypatch.setattr(ShardMonitor, "_signs", read)
        raise OperationalError("gone")

    monkeypatch.setattr(ShardMonitor, "_signs", fail)
    assert Scene(jobs, doing(jobs[0]), doing(jobs[1])).run().status == "completed"


def test_database_that_stays_away_ends_the_watch(jobs, monkeypatch):
    monkeypatch.setattr(monitor, "SECONDS_WITHOUT_DATABASE", 0)

    def fail(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(ShardMonitor, "_signs", fail)
    assert Scene(jobs, nothing).run().stopped == "The database cannot be read: gone"


def test_one_look_says_what_was_left_and_why(jobs, media):
    doing(jobs[0])()
    scene = Scene(jobs)
    report = scene.watch.look_once()
    assert report.stopped == f"Keys {jobs[1].start_pk} to {jobs[1].end_pk} were not done"
    assert (report.total, report.processed) == (4, 2)


def test_one_look_at_what_is_done_is_complete(jobs):
    for job in jobs:
        doing(job)()
    assert Scene(jobs).watch.look_once().status == "completed"
