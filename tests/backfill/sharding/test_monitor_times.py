"""When the watch looks, counts and enqueues again, by a clock of its own."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from hashing.backfill import BackfillOptions, BackfillReport, Shard, split_into_shards
from hashing.backfill.heartbeat import Heartbeat
from hashing.backfill.sharding import monitor
from hashing.backfill.sharding.monitor import ShardMonitor
from hashing.backfill.sharding.shard_state import ShardState
from hashing.models import BackfillRun, ImageAsset
from tests.db.faults import cut_connection, only_postgresql

pytestmark = pytest.mark.django_db

STALL_TIMEOUT = 60


class Watched:
    """A watch whose seconds pass when it sleeps. `steps`: what happens at which second.

    It is stopped at `end`, when it looks for the last time.
    """

    def __init__(self, jobs: list[Shard], end: float, **steps) -> None:
        self.now, self.end = 0.0, end
        self.steps = {float(at.removeprefix("at_")): step for at, step in steps.items()}
        self.enqueued: list[tuple[float, int]] = []
        self.looks: list[float] = []
        self.workers: list[int | None] = []
        self.watch = ShardMonitor(
            jobs,
            lambda job: self.enqueued.append((self.now, job.number)),
            STALL_TIMEOUT,
            progress=self,
            should_stop=lambda: self.now >= self.end,
            say=lambda _: None,
            monotonic=lambda: self.now,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        before, self.now = self.now, round(self.now + seconds, 3)
        for at, step in self.steps.items():
            if before < at <= self.now:
                step()

    def begin(self, total: int) -> None: ...

    def tick(self) -> None: ...

    def reach(self, done: int, *, failed: int, workers: int | None) -> None:
        self.looks.append(self.now)
        self.workers.append(workers)

    def run(self) -> BackfillReport:
        return self.watch.run()

    def enqueued_at(self) -> dict[float, list[int]]:
        times = dict.fromkeys(at for at, _ in self.enqueued)
        return {at: [number for when, number in self.enqueued if when == at] for at in times}


def jobs(count: int) -> list[Shard]:
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(count))
    return list(split_into_shards(BackfillOptions(), size=1, workers=1))


def beginning(job: Shard):
    labels = {"batch_id": job.batch_id, "shard_number": job.number}
    return lambda: Heartbeat(job.rows(), job.options(), **labels).begin(job.size)


def moving():
    BackfillRun.objects.update(stopped="moved")


def test_it_looks_every_two_seconds():
    watched = Watched(jobs(1), end=7)
    watched.run()
    assert watched.looks == [0, 2, 4, 6, 7]


def test_it_takes_a_tenth_of_the_time_of_the_database(monkeypatch):
    watched = Watched(jobs(1), end=30)
    read = ShardMonitor._signs

    def read_slowly(watch: ShardMonitor):
        watched.now += 1
        return read(watch)

    monkeypatch.setattr(ShardMonitor, "_signs", read_slowly)
    watched.run()
    assert watched.looks == [1, 12, 23, 31]


def test_all_are_enqueued_again_when_nothing_moves_then_ten_of_them_ever_more_rarely():
    watched = Watched(jobs(25), end=500)
    watched.run()
    first_ten = list(range(10))
    assert watched.enqueued_at() == {62: list(range(25)), 122: first_ten, 242: first_ten, 482: first_ten}


def test_range_that_was_begun_is_enqueued_again_each_time_that_it_stalls():
    made = jobs(25)
    watched = Watched(made, end=200, at_3=beginning(made[7]))
    watched.run()
    # Seen at 4 and not moved since; then nothing else moves either, and it is with all of them.
    assert watched.enqueued_at()[66] == [7]
    assert min(at for at, number in watched.enqueued if number != 7) == 68


def test_range_that_moves_in_time_is_never_enqueued_again():
    made = jobs(2)
    signs = {f"at_{at}": (lambda at=at: BackfillRun.objects.update(stopped=str(at))) for at in range(43, 300, 40)}
    watched = Watched(made, end=300, at_3=beginning(made[0]), **signs)
    watched.run()
    assert watched.enqueued == []


def test_movement_begins_the_waiting_anew():
    made = jobs(2)
    watched = Watched(made, end=190, at_61=lambda: ImageAsset.objects.filter(pk=made[0].start_pk).delete())
    watched.run()
    assert watched.enqueued_at() == {124: [1], 184: [1]}


def test_worker_that_is_silent_for_half_a_minute_is_not_at_work():
    made = jobs(1)
    watched = Watched(made, end=40, at_1=beginning(made[0]))
    watched.run()
    at_work = dict(zip(watched.looks, watched.workers, strict=True))
    assert (at_work[0], at_work[2], at_work[30], at_work[32]) == (0, 1, 1, 0)


def test_each_look_counts_the_next_ten_and_ten_others_in_turn(monkeypatch):
    watched = Watched(jobs(25), end=5)
    counted: dict[float, list[int]] = {}
    monkeypatch.setattr(
        ShardState, "count", lambda each, _clock: counted.setdefault(watched.now, []).append(each.job.number)
    )
    watched.run()
    first_ten = list(range(10))
    assert {at: counted[at] for at in (0, 2, 4)} == {
        0: [*first_ten, *range(10, 20)],
        2: [*first_ten, *range(20, 25)],
        4: [*first_ten, *range(15, 25)],
    }


def test_range_that_moves_is_counted_wherever_it_stands():
    made = jobs(40)
    key = made[35].start_pk
    watched = Watched(made, end=7, at_1=beginning(made[35]))
    watched.steps[2.5] = lambda: ImageAsset.objects.filter(pk=key).update(perceptual_hash="0" * 16)
    watched.steps[2.6] = moving
    watched.run()
    assert 35 not in watched.watch._open
    assert len(watched.watch._open) == 39


@pytest.mark.parametrize(("back_at", "stopped"), [(590, "Interrupted"), (610, "The database cannot be read: gone")])
def test_database_that_is_away_is_waited_for_ten_minutes(monkeypatch, back_at, stopped):
    read, watched = ShardMonitor._signs, Watched(jobs(1), end=700)

    def fail(watch: ShardMonitor):
        if 0 < watched.now < back_at:
            raise OperationalError("gone")
        return read(watch)

    monkeypatch.setattr(ShardMonitor, "_signs", fail)
    assert watched.run().stopped == stopped
    assert watched.now == (700 if stopped == "Interrupted" else 602)


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_connection_that_is_cut_between_two_looks_costs_none():
    made = jobs(2)

    def hash_all_and_cut() -> None:
        ImageAsset.objects.update(perceptual_hash="0" * 16)
        cut_connection()

    watched = Watched(made, end=9, at_1=hash_all_and_cut)
    assert watched.run().status == "completed"
    assert watched.looks == [0, 2]


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_connection_that_is_cut_while_ranges_are_enqueued_costs_none():
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(4))
    made = []
    for job in split_into_shards(BackfillOptions(), size=1, workers=1):
        made.append(job.number)
        cut_connection()
    assert made == [0, 1, 2, 3]


def test_intervals_are_those_of_the_documentation():
    assert (monitor.SECONDS_BETWEEN_POLLS, monitor.MAX_SHARE_OF_TIME, monitor.MAX_ENQUEUED_AGAIN) == (2, 0.1, 10)
