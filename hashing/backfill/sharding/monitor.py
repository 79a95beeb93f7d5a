"""Waits until every range of a dispatched backfill is done, and enqueues again what has stopped moving.

What is done is counted in the rows. The records of the runs say where something happens: a range is counted when its
record has changed, and a few others each time, which somebody else may be doing. So watching costs the same for a
thousand rows and for a thousand million.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Protocol, TypeVar

from django.db import DatabaseError, InterfaceError

from hashing.backfill.report import SHOWN_ERRORS, BackfillReport
from hashing.backfill.sharding.shard import Shard, failed_rows, hashed_rows
from hashing.backfill.sharding.shard_state import ShardRun, ShardState
from hashing.db.clock import DatabaseClock
from hashing.db.retry import drop_dead_connection, retry_transient
from hashing.models import BackfillRun
from hashing.text import first_line

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_POLLS = 2.0
# The rest of the time, the database has for others.
MAX_SHARE_OF_TIME = 0.1
SECONDS_WITHOUT_DATABASE = 600.0
MAX_FAILED_ATTEMPTS = 5
# Ranges that are counted at each look though nobody is known to be at work on them: the next ones, and some others.
NEXT_ONES, OTHERS = 10, 10
# Ranges that are enqueued once more when all of them were already, and still nothing moves.
MAX_ENQUEUED_AGAIN = 10
TICK_SECONDS = 0.2

T = TypeVar("T")


class ShardProgressListener(Protocol):
    """Hears how many images there are to do, how many are done and failed, and how many runs are at work on them,
    which is None at the end."""

    def begin(self, total: int) -> None: ...

    def reach(self, done: int, *, failed: int, workers: int | None) -> None: ...

    def tick(self) -> None: ...


class ShardMonitor:
    """Of `jobs`, at least one, that were enqueued a moment ago. `enqueue` is called for those to be enqueued again.

    A range that was begun and has not moved for `stall_timeout` seconds is enqueued again. When nothing moves anywhere,
    so are all that are left, and later a few of them, each time after twice as long. A range that stops however often
    it is tried is left to itself. `say` gets sentences for the person who waits. `monotonic` and
    `sleep` are those of `time`.
    """

    def __init__(
        self,
        jobs: Sequence[Shard],
        enqueue: Callable[[Shard], object],
        stall_timeout: float,
        *,
        progress: ShardProgressListener,
        should_stop: Callable[[], bool],
        say: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic, self._sleep_for = monotonic, sleep
        now = monotonic()
        self._ranges = [ShardState(job, job.size, now, left_before=job.size) for job in jobs]
        self._open = {each.job.number: each for each in self._ranges}
        self._alias, self._dispatch = jobs[0].using, jobs[0].batch_id
        self._enqueue, self._stall_timeout = enqueue, stall_timeout
        self._progress, self._should_stop, self._say = progress, should_stop, say
        self._jobs, self._clock = jobs, DatabaseClock(self._alias)
        self._oldest_key = 0
        self._moved_at = self._reachable_at = self._shown_at = now
        self._quiet_rounds = self._looks = 0
        self._given_up = ""
        self.report = BackfillReport(total=sum(job.size for job in jobs))

    def run(self) -> BackfillReport:
        """Returns when all is done, or given up, or when `should_stop` is true."""
        self._progress.begin(self.report.total)
        while True:
            started = self._monotonic()
            self._look()
            if not self._open or self.report.stopped:
                return self._conclude()
            self._sleep(max(SECONDS_BETWEEN_POLLS, (self._monotonic() - started) / MAX_SHARE_OF_TIME))

    def look_once(self) -> BackfillReport:
        """How it stands, for ranges that nobody is at work on any more."""
        self._progress.begin(self.report.total)
        self._look()
        if self._open and not self.report.stopped:
            left = next(iter(self._open.values()))
            self.report.stopped = left.stopped or f"Keys {left.job.start_pk} to {left.job.end_pk} were not done"
        return self._conclude()

    def _conclude(self) -> BackfillReport:
        self.report.stopped = self.report.stopped or self._given_up
        try:
            self._count_results()
        except (DatabaseError, InterfaceError) as error:
            self._note_outage(first_line(error))
        return self.report

    def _sleep(self, seconds: float) -> None:
        until = self._monotonic() + seconds
        while not self._should_stop():
            self._sleep_for(TICK_SECONDS)
            self._progress.tick()
            if self._monotonic() >= until:
                return
        self.report.stopped, self.report.interrupted = "Interrupted", True

    def _look(self) -> None:
        try:
            self._read_records()
            self._count_some()
            if self._moved_at > self._shown_at:
                self.report.failed = self._read(self._count_failed)
            self._enqueue_stalled()
            self._reachable_at = self._monotonic()
        except (DatabaseError, InterfaceError) as error:
            self._note_outage(first_line(error))
        self._show()

    def _note_outage(self, reason: str) -> None:
        logger.warning("The database cannot be read: %s", reason)
        drop_dead_connection(self._alias)
        if self._monotonic() - self._reachable_at > SECONDS_WITHOUT_DATABASE:
            self.report.stopped = f"The database cannot be read: {reason}"

    def _read_records(self) -> None:
        now = self._monotonic()
        signs = [sign for sign in self._read(self._signs) if sign.shard_number in self._open]
        for number, found in groupby(sorted(signs, key=attrgetter("shard_number", "key")), attrgetter("shard_number")):
            watched = self._open[number]
            if watched.notice(tuple(found), now):
                self._note_movement()
                self._count(watched)
        # Keys of records are given in ascending order, if not always seen in it: two may begin at the same time.
        self._oldest_key = min((sign.key for sign in signs if sign.shard_number in self._open), default=0) - 100

    def _count_some(self) -> None:
        numbers = list(self._open)
        others = max(0, len(numbers) - NEXT_ONES)
        start = NEXT_ONES + (self._looks * OTHERS % others if others else 0)
        self._looks += 1
        for number in [*numbers[:NEXT_ONES], *numbers[start : start + OTHERS]]:
            self._count(self._open[number])

    def _read(self, query: Callable[[], T]) -> T:
        """Call `query`, and once more if the connection was cut since the last look; longer outages are waited out."""
        return retry_transient(query, self._alias, pauses=(0,))

    def _note_movement(self) -> None:
        self._moved_at, self._quiet_rounds = self._monotonic(), 0

    def _signs(self) -> list[ShardRun]:
        runs = BackfillRun.objects.using(self._alias).filter(batch_id=self._dispatch, pk__gte=self._oldest_key)
        return list(map(ShardRun._make, runs.values_list("pk", "shard_number", "heartbeat_at", "ended_at", "stopped")))

    def _count(self, watched: ShardState) -> None:
        before = watched.left
        self._read(lambda: watched.count(self._clock.now))
        if watched.left < before:
            self._note_movement()
        if not watched.left:
            self._open.pop(watched.job.number, None)

    def _enqueue_stalled(self) -> None:
        now = self._monotonic()
        stalled = [each for each in self._open.values() if each.begun and now - each.moved_at > self._stall_timeout]
        if not stalled and now - self._moved_at > self._stall_timeout * 2**self._quiet_rounds:
            self._say(
                f"Nothing has moved for {now - self._moved_at:.0f} seconds. Is a worker running, with the same code and"
                " settings? Its log says what its tasks end with."
            )
            stalled = list(self._open.values())[: MAX_ENQUEUED_AGAIN if self._quiet_rounds else None]
            self._quiet_rounds += 1
        for watched in stalled:
            # When the queue is away, it is for all of them.
            if self._should_stop() or not self._enqueue_again(watched):
                return

    def _enqueue_again(self, watched: ShardState) -> bool:
        # Another run may have done it, of which nothing is known here.
        self._count(watched)
        if not watched.left or self._is_given_up(watched):
            return True
        try:
            self._enqueue(watched.job)
        # A queue raises what its client library raises.
        except Exception as error:
            self._say(f"The queue cannot be reached: {first_line(error)}")
            # All of them again, but not at once.
            self._note_movement()
            return False
        logger.info("Enqueued again: %s to %s", watched.job.start_pk, watched.job.end_pk)
        watched.note_enqueued(self._monotonic())
        return True

    def _is_given_up(self, watched: ShardState) -> bool:
        watched.note_attempt()
        if watched.failed_attempts < MAX_FAILED_ATTEMPTS:
            return False
        self._given_up = self._given_up or _reason(watched)
        self._open.pop(watched.job.number, None)
        return True

    def _show(self) -> None:
        self._shown_at = now = self._monotonic()
        done = self.report.total - sum(watched.left for watched in self._ranges)
        workers = sum(watched.is_at_work(now) for watched in self._open.values())
        self._progress.reach(done, failed=self.report.failed, workers=workers if self._open else None)

    def _count_results(self) -> None:
        failed = self._read(self._count_failed)
        processed = self._read(lambda: hashed_rows(self._jobs, self._clock.now()).count())
        self.report.set_counts(processed, failed)
        first = failed_rows(self._jobs, self._clock.now()).values_list("pk", "hash_error")[:SHOWN_ERRORS]
        for pk, error in self._read(lambda: list(first)):
            self.report.note_error(pk, error)

    def _count_failed(self) -> int:
        return failed_rows(self._jobs, self._clock.now()).order_by().count()


def _reason(watched: ShardState) -> str:
    job = watched.job
    reason = watched.stopped or ("rows were left" if watched.has_ended else "its worker was lost")
    return f"Keys {job.start_pk} to {job.end_pk} were begun {MAX_FAILED_ATTEMPTS} times and got no further: {reason}"
