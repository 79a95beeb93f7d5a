from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import Q

from hashing.backfill.report import SHOWN_ERRORS, BackfillReport
from hashing.backfill.sharding.shard import Shard
from hashing.models.backfill_runs import HEARTBEAT_TIMEOUT, BackfillRun
from hashing.models.querysets import ImageAssetQuerySet


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

    `changed_at` is when it was enqueued or its runs last changed, on this process's monotonic clock; `is_started` says
    whether a run has begun since it was enqueued. `failed_attempts` counts consecutive attempts without progress.
    """

    shard: Shard
    pending: int
    changed_at: float
    is_started: bool = False
    runs: tuple[ShardRun, ...] = ()
    pending_before: int = 0
    failed_attempts: int = 0

    @property
    def stopped(self) -> str:
        """Why the last run ended early."""
        return self.runs[-1].stopped if self.runs else ""

    @property
    def has_ended(self) -> bool:
        """Whether the last run has recorded its end."""
        return bool(self.runs) and self.runs[-1].ended_at is not None

    @property
    def failure(self) -> str:
        reason = self.stopped or ("rows were left" if self.has_ended else "its worker was lost")
        keys = f"Keys {self.shard.start_pk} to {self.shard.end_pk}"
        return f"{keys} were begun {self.failed_attempts} times and got no further: {reason}"

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


class ShardBatch:
    """All shards of one list, at least one, and what the database knows about them."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards, self._first = shards, shards[0]

    @property
    def using(self) -> str:
        return self._first.using

    @property
    def total(self) -> int:
        return sum(shard.size for shard in self._shards)

    def runs(self, min_pk: int) -> list[ShardRun]:
        runs = BackfillRun.objects.using(self.using).filter(batch_id=self._first.batch_id, pk__gte=min_pk)
        return list(map(ShardRun._make, runs.values_list(*ShardRun._fields)))

    def count_failed(self, now: datetime) -> int:
        return self.failed_rows(now).order_by().count()

    def read_results(self, report: BackfillReport, now: datetime) -> None:
        """Set the counts and the first errors of `report`."""
        failed = self.failed_rows(now)
        report.set_counts(self._hashed_rows(now).count(), failed.order_by().count())
        for pk, error in failed.values_list("pk", "hash_error")[:SHOWN_ERRORS]:
            report.note_error(pk, error)

    def failed_rows(self, now: datetime) -> ImageAssetQuerySet[Any]:
        """Return the rows that failed since the list was split, in the order of their keys."""
        return self._tried_rows(now).failed().order_by("pk")

    def _hashed_rows(self, now: datetime) -> ImageAssetQuerySet[Any]:
        return self._tried_rows(now).hashed().filter(hash_error="")

    def _tried_rows(self, now: datetime) -> ImageAssetQuerySet[Any]:
        """Rows with a time in the future are still pending: see `PendingRows`."""
        within = Q()
        for _, group in groupby(self._shards, attrgetter("only_failed")):
            part = list(group)
            within |= Q(pk__gte=part[0].options().start_pk, pk__lte=part[-1].options().end_pk)
        return self._first.rows().filter(within, hashed_at__gte=self._first.options().tried_before, hashed_at__lte=now)
