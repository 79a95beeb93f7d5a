from __future__ import annotations

import pytest
from django.db import OperationalError

from hashing.backfill import BackfillOptions, BackfillReport, Shard, split_into_shards
from hashing.backfill.heartbeat import Heartbeat
from hashing.backfill.sharding import monitor
from hashing.backfill.sharding.monitor import ShardMonitor
from hashing.backfill.sharding.shard_batch import ShardBatch
from hashing.backfill.sharding.shard_state import ShardState
from hashing.models import BackfillRun, ImageAsset
from tests.db.faults import cut_connection, only_postgresql

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

STALL_TIMEOUT = 60


class TimedMonitor:
    """A monitor whose clock advances when it sleeps. `steps` are run at the second in their name.

    It is stopped at `end`, after a last poll.
    """

    def __init__(self, shards: list[Shard], end: float, **steps) -> None:
        self.now, self.end = 0.0, end
        self.steps = {float(at.removeprefix("at_")): step for at, step in steps.items()}
        self.enqueued: list[tuple[float, int]] = []
        self.polls: list[float] = []
        self.workers: list[int | None] = []
        self.monitor = ShardMonitor(
            shards,
            lambda shard: self.enqueued.append((self.now, shard.number)),
            STALL_TIMEOUT,
            progress=self,
            should_stop=lambda: self.now >= self.end,
            notify=lambda _: None,
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

    def update(self, done: int, *, failed: int, workers: int | None) -> None:
        self.polls.append(self.now)
        self.workers.append(workers)

    def run(self) -> BackfillReport:
        return self.monitor.run()

    def enqueued_at(self) -> dict[float, list[int]]:
        times = dict.fromkeys(at for at, _ in self.enqueued)
        return {at: [number for when, number in self.enqueued if when == at] for at in times}


def split(count: int) -> list[Shard]:
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(count))
    return list(split_into_shards(BackfillOptions(), size=1, workers=1))


def start(shard: Shard):
    labels = {"batch_id": shard.batch_id, "shard_number": shard.number}
    return lambda: Heartbeat(shard.rows(), shard.options(), **labels).begin(shard.size)


def change_runs():
    BackfillRun.objects.update(stopped="changed")


def test_polls_every_two_seconds():
    watched = TimedMonitor(split(1), end=7)
    watched.run()
    assert watched.polls == [0, 2, 4, 6, 7]


def test_polling_takes_at_most_a_tenth_of_the_time(monkeypatch):
    watched = TimedMonitor(split(1), end=30)
    read = ShardBatch._runs

    def read_slowly(*arguments):
        watched.now += 1
        return read(*arguments)

    monkeypatch.setattr(ShardBatch, "_runs", read_slowly)
    watched.run()
    assert watched.polls == [1, 12, 23, 31]


def test_without_changes_all_are_enqueued_again_then_ten_at_growing_intervals():
    watched = TimedMonitor(split(12), end=250)
    watched.run()
    first_ten = list(range(10))
    assert watched.enqueued_at() == {62: list(range(12)), 122: first_ten, 242: first_ten}


def test_started_shard_is_enqueued_again_when_it_stalls():
    shards = split(12)
    watched = TimedMonitor(shards, end=70, at_3=start(shards[7]))
    watched.run()
    # Its start is seen at 4. Nothing else changes, so that all follow.
    assert watched.enqueued_at()[66] == [7]
    assert min(at for at, number in watched.enqueued if number != 7) == 68


def test_shard_that_changes_in_time_is_never_enqueued_again():
    shards = split(2)
    heartbeats = {f"at_{at}": (lambda at=at: BackfillRun.objects.update(stopped=str(at))) for at in range(43, 300, 40)}
    watched = TimedMonitor(shards, end=300, at_3=start(shards[0]), **heartbeats)
    watched.run()
    assert watched.enqueued == []


def test_change_restarts_the_timeout():
    shards = split(2)
    watched = TimedMonitor(shards, end=190, at_61=lambda: ImageAsset.objects.filter(pk=shards[0].start_pk).delete())
    watched.run()
    assert watched.enqueued_at() == {124: [1], 184: [1]}


def test_worker_without_a_heartbeat_for_half_a_minute_is_not_counted():
    shards = split(1)
    watched = TimedMonitor(shards, end=40, at_1=start(shards[0]))
    watched.run()
    workers = dict(zip(watched.polls, watched.workers, strict=True))
    assert (workers[0], workers[2], workers[30], workers[32]) == (0, 1, 1, 0)


def test_each_poll_counts_the_next_ten_shards_and_ten_others_in_turn(monkeypatch):
    watched = TimedMonitor(split(25), end=5)
    counted: dict[float, list[int]] = {}
    monkeypatch.setattr(
        ShardState, "count_pending", lambda each, _clock: counted.setdefault(watched.now, []).append(each.shard.number)
    )
    watched.run()
    first_ten = list(range(10))
    assert {at: counted[at] for at in (0, 2, 4)} == {
        0: [*first_ten, *range(10, 20)],
        2: [*first_ten, *range(20, 25)],
        4: [*first_ten, *range(15, 25)],
    }


def test_changed_shard_is_counted_at_any_position():
    shards = split(40)
    key = shards[35].start_pk
    watched = TimedMonitor(shards, end=7, at_1=start(shards[35]))
    watched.steps[2.5] = lambda: ImageAsset.objects.filter(pk=key).update(perceptual_hash="0" * 16)
    watched.steps[2.6] = change_runs
    watched.run()
    assert 35 not in watched.monitor._batch.unfinished
    assert len(watched.monitor._batch.unfinished) == 39


@pytest.mark.parametrize(("back_at", "stopped"), [(590, "Interrupted"), (610, "The database cannot be read: gone")])
def test_database_outage_is_waited_for_ten_minutes(monkeypatch, back_at, stopped):
    read, watched = ShardBatch._runs, TimedMonitor(split(1), end=700)

    def fail(*arguments):
        if 0 < watched.now < back_at:
            raise OperationalError("gone")
        return read(*arguments)

    monkeypatch.setattr(ShardBatch, "_runs", fail)
    assert watched.run().stopped == stopped
    assert watched.now == (700 if stopped == "Interrupted" else 602)


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_connection_that_is_cut_between_two_polls_is_replaced():
    shards = split(2)

    def hash_all_and_cut() -> None:
        ImageAsset.objects.update(perceptual_hash="0" * 16)
        cut_connection()

    watched = TimedMonitor(shards, end=9, at_1=hash_all_and_cut)
    assert watched.run().status == "completed"
    assert watched.polls == [0, 2]


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_connection_that_is_cut_while_splitting_is_replaced():
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(4))
    shards = []
    for shard in split_into_shards(BackfillOptions(), size=1, workers=1):
        shards.append(shard.number)
        cut_connection()
    assert shards == [0, 1, 2, 3]


def test_intervals_match_the_documentation():
    assert (monitor.SECONDS_BETWEEN_POLLS, monitor.MAX_SHARE_OF_TIME, monitor.MAX_ENQUEUED_AGAIN) == (2, 0.1, 10)
