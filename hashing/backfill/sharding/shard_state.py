"""One range of a dispatched backfill, as far as those who watch can tell from the rows and from its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hashing.backfill.sharding.shard import Shard
from hashing.models.backfill_runs import HEARTBEAT_TIMEOUT


class ShardRun(NamedTuple):
    """What a record says: `key` is the record's own, `heartbeat_at` and `ended_at` are on the clock of the database."""

    key: int
    shard_number: int
    heartbeat_at: datetime
    ended_at: datetime | None
    stopped: str


@dataclass
class ShardState:
    """`left` of its rows are to do. `moved_at`: when it was enqueued, or a record of it has changed, on the clock of
    this process. `failed_attempts`: how often in a row it stopped with nothing done."""

    job: Shard
    left: int
    moved_at: float
    begun: bool = False
    signs: tuple[ShardRun, ...] = ()
    left_before: int = 0
    failed_attempts: int = 0

    @property
    def stopped(self) -> str:
        """Why the last run of it ended early."""
        return self.signs[-1].stopped if self.signs else ""

    @property
    def has_ended(self) -> bool:
        """Whether the last run of it has said that it ends."""
        return bool(self.signs) and self.signs[-1].ended_at is not None

    def is_at_work(self, now: float) -> bool:
        return (
            any(sign.ended_at is None for sign in self.signs)
            and now - self.moved_at < HEARTBEAT_TIMEOUT.total_seconds()
        )

    def notice(self, signs: tuple[ShardRun, ...], now: float) -> bool:
        """Whether its records have changed."""
        if signs == self.signs:
            return False
        self.signs, self.begun, self.moved_at = signs, True, now
        return True

    def count(self, clock: Callable[[], datetime]) -> None:
        self.left = min(self.job.size, self.job.count_left(clock))

    def note_attempt(self) -> None:
        """It is about to be enqueued again: was it any good the last time?"""
        if self.left < self.left_before:
            self.failed_attempts = 0
        elif self.begun:
            self.failed_attempts += 1
        self.left_before, self.begun = self.left, False

    def note_enqueued(self, now: float) -> None:
        self.moved_at = now
