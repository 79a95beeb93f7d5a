from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from django.db import DatabaseError, InterfaceError

from hashing.backfill.report import BackfillReport
from hashing.backfill.sharding.shard import Shard
from hashing.backfill.sharding.shard_batch import ShardBatch
from hashing.backfill.sharding.shard_state import ShardState
from hashing.db.retry import drop_dead_connection
from hashing.log_events import LogEvent, log_event
from hashing.text import first_line

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_POLLS = 2.0
# Poll at most 10% of the time, however slow the database is.
MAX_SHARE_OF_TIME = 0.1
TICK_SECONDS = 0.2
MAX_SECONDS_WITHOUT_DATABASE = 600.0
MAX_FAILED_ATTEMPTS = 5
# Shards to enqueue once more when all were enqueued again and still nothing happens.
MAX_ENQUEUED_AGAIN = 10


class ShardProgressListener(Protocol):
    """Gets the number of images to hash, how many are done and failed at each poll, and a regular tick.

    `workers` is the number of shards being worked on, None at the end.
    """

    def begin(self, total: int) -> None: ...

    def update(self, done: int, *, failed: int, workers: int | None) -> None: ...

    def tick(self) -> None: ...


class ShardMonitor:
    """Waits until all `shards` (at least one), which were just enqueued, are done; enqueues again what has stalled.

    A shard that was started and has not changed for `stall_timeout` seconds is passed to `enqueue`. When no shard
    changes, all unfinished ones are, and later a few of them, after twice as long each time. A shard is given up after
    repeated attempts without progress. `notify` gets messages for the user. `monotonic` and `sleep` are as in `time`.

    Rows are the only source of truth. Heartbeats tell which shards to count, so polling costs the same for a thousand
    rows and for a billion.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        enqueue: Callable[[Shard], object],
        stall_timeout: float,
        *,
        progress: ShardProgressListener,
        should_stop: Callable[[], bool],
        notify: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._enqueue, self._stall_timeout = enqueue, stall_timeout
        self._progress, self._should_stop, self._notify = progress, should_stop, notify
        self._batch = ShardBatch(shards, monotonic)
        self._database_seen_at = self._shown_at = self._batch.changed_at
        self._failure = ""
        self.report = BackfillReport(total=self._batch.total)

    def run(self) -> BackfillReport:
        """Poll until every shard is done or given up, or `should_stop` returns true."""
        self._progress.begin(self.report.total)
        while True:
            started = self._monotonic()
            self._poll()
            if not self._batch.unfinished or self.report.stopped:
                return self._finish()
            self._wait(max(SECONDS_BETWEEN_POLLS, (self._monotonic() - started) / MAX_SHARE_OF_TIME))

    def poll_once(self) -> BackfillReport:
        """Return the results when no worker is left to wait for."""
        self._progress.begin(self.report.total)
        self._poll()
        if self._batch.unfinished and not self.report.stopped:
            state = next(iter(self._batch.unfinished.values()))
            self.report.stopped = state.stopped or f"{state.keys} were not done"
        return self._finish()

    def _wait(self, seconds: float) -> None:
        end = self._monotonic() + seconds
        while not self._should_stop():
            self._sleep(TICK_SECONDS)
            self._progress.tick()
            if self._monotonic() >= end:
                return
        self.report.stopped, self.report.interrupted = "Interrupted", True

    def _finish(self) -> BackfillReport:
        self.report.stopped = self.report.stopped or self._failure
        try:
            self._batch.read_results(self.report)
        except (DatabaseError, InterfaceError) as error:
            self._note_outage(first_line(error))
        return self.report

    def _poll(self) -> None:
        try:
            self._batch.poll()
            if self._batch.changed_at > self._shown_at:
                self.report.failed = self._batch.count_failed()
            self._enqueue_stalled()
            self._database_seen_at = self._monotonic()
        except (DatabaseError, InterfaceError) as error:
            self._note_outage(first_line(error))
        self._show()

    def _note_outage(self, reason: str) -> None:
        message, using = "The database cannot be read: %s", self._batch.using
        log_event(logger, LogEvent.DATABASE_UNREADABLE, message, reason, database=using)
        drop_dead_connection(self._batch.using)
        if self._monotonic() - self._database_seen_at > MAX_SECONDS_WITHOUT_DATABASE:
            self.report.stopped = f"The database cannot be read: {reason}"

    def _enqueue_stalled(self) -> None:
        for state in self._stalled_shards():
            # A queue that refuses one shard refuses them all.
            if self._should_stop() or not self._enqueue_again(state):
                return

    def _stalled_shards(self) -> list[ShardState]:
        batch, now = self._batch, self._monotonic()
        states = list(batch.unfinished.values())
        if stalled := [each for each in states if each.is_started and now - each.changed_at > self._stall_timeout]:
            return stalled
        if now - batch.changed_at <= self._stall_timeout * 2**batch.idle_rounds:
            return []
        self._notify(
            f"No progress for {now - batch.changed_at:.0f} seconds. Is a worker running, with the same code and"
            " settings? Its log has the errors of its tasks."
        )
        batch.idle_rounds += 1
        return states if batch.idle_rounds == 1 else states[:MAX_ENQUEUED_AGAIN]

    def _enqueue_again(self, state: ShardState) -> bool:
        """Return False if the queue cannot be reached."""
        # Another run, which has no heartbeat in this batch, may have finished it.
        self._batch.count(state)
        if not state.pending or self._is_given_up(state):
            return True
        try:
            self._enqueue(state.shard)
        # A queue raises what its client library raises.
        except Exception as error:
            self._notify(f"The queue cannot be reached: {first_line(error)}")
            # Start the timeout again before the next attempt.
            self._batch.note_change()
            return False
        shard, event = state.shard, LogEvent.SHARD_ENQUEUED_AGAIN
        message = "Enqueued again: %s to %s"
        log_event(logger, event, message, shard.start_pk, shard.end_pk, shard=shard.number)
        state.changed_at = self._monotonic()
        return True

    def _is_given_up(self, state: ShardState) -> bool:
        state.finish_attempt()
        if state.failed_attempts < MAX_FAILED_ATTEMPTS:
            return False
        self._failure = self._failure or state.failure
        self._batch.unfinished.pop(state.shard.number, None)
        return True

    def _show(self) -> None:
        self._shown_at = self._monotonic()
        workers = self._batch.workers if self._batch.unfinished else None
        self._progress.update(self._batch.done, failed=self.report.failed, workers=workers)
