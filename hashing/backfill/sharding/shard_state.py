from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hashing.backfill.sharding.shard import Shard
from hashing.models.backfill_runs import HEARTBEAT_TIMEOUT


class ShardRun(NamedTuple):
    """The fields of a `BackfillRun` that tell whether a shard is being worked on. Times are the database's."""

    pk: int
    shard_number: int
    heartbeat_at: datetime
    ended_at: datetime | None
    stopped: str


@dataclass
class ShardState:
    """A shard with its number of `pending` rows.

    `changed_at` is when it was enqueued or its runs last changed, on this process's monotonic clock; `is_started` is
    whether a run has started since it was enqueued. `failed_attempts` counts consecutive attempts without progress.
    """

    shard: Shard
    pending: int
    changed_at: float
    is_started: bool = False
    runs: tuple[ShardRun, ...] = ()
    pending_before: int = 0
    failed_attempts: int = 0

    @property
    def keys(self) -> str:
        return f"Keys {self.shard.start_pk} to {self.shard.end_pk}"

    @property
    def stopped(self) -> str:
        """Why the last run ended early."""
        return self.runs[-1].stopped if self.runs else ""

    @property
    def failure(self) -> str:
        has_ended = bool(self.runs) and self.runs[-1].ended_at is not None
        reason = self.stopped or ("rows were left" if has_ended else "its worker was lost")
        return f"{self.keys} were started {self.failed_attempts} times without progress: {reason}"

    def has_worker(self, now: float) -> bool:
        is_unfinished = any(run.ended_at is None for run in self.runs)
        return is_unfinished and now - self.changed_at < HEARTBEAT_TIMEOUT.total_seconds()

    def update_runs(self, runs: tuple[ShardRun, ...], now: float) -> bool:
        """Return whether the runs have changed."""
        if runs == self.runs:
            return False
        self.runs, self.is_started, self.changed_at = runs, True, now
        return True

    def count_pending(self, clock: Callable[[], datetime]) -> None:
        self.pending = min(self.shard.size, self.shard.count_pending(clock))

    def finish_attempt(self) -> None:
        """Judge the last attempt by the rows it has left, before the shard is enqueued again."""
        if self.pending < self.pending_before:
            self.failed_attempts = 0
        elif self.is_started:
            self.failed_attempts += 1
        self.pending_before, self.is_started = self.pending, False
