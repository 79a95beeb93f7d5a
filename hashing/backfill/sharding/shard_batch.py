from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from django.db.models import Q

from hashing.backfill.report import SHOWN_ERRORS, BackfillReport
from hashing.backfill.sharding.shard import Shard
from hashing.backfill.sharding.shard_state import ShardRun, ShardState
from hashing.db.clock import DatabaseClock
from hashing.db.retry import retry_transient
from hashing.models.backfill_runs import BackfillRun
from hashing.models.querysets import ImageAssetQuerySet

# Shards without a sign of a worker that are counted at each poll: the next ones in the list, and others in turn.
NEXT_SHARDS, OTHER_SHARDS = 10, 10
# Processes read the clock of the database once, so theirs differ by the duration of a query.
CLOCK_TOLERANCE = timedelta(seconds=5)

T = TypeVar("T")


class ShardBatch:
    """All `shards` of one list, at least one, with what the database knows about them.

    `unfinished` has the states of shards with pending rows, by number. `changed_at` is when anything last changed, by
    the clock `monotonic`, and `idle_rounds` counts the timeouts since. Queries are retried once and raise their errors.
    """

    def __init__(self, shards: Sequence[Shard], monotonic: Callable[[], float]) -> None:
        self._shards, self._first, self._monotonic = shards, shards[0], monotonic
        self.changed_at = now = monotonic()
        self.idle_rounds = 0
        self._states = [ShardState(shard, shard.size, now, pending_before=shard.size) for shard in shards]
        self.unfinished = {state.shard.number: state for state in self._states}
        self.total = sum(shard.size for shard in shards)
        self.using = self._first.using
        self._clock = DatabaseClock(self.using)
        self._min_run_pk = self._polls = 0

    @property
    def done(self) -> int:
        """The number of rows that are no longer pending."""
        return self.total - sum(state.pending for state in self._states)

    @property
    def workers(self) -> int:
        """The number of shards that are being worked on."""
        now = self._monotonic()
        return sum(state.has_worker(now) for state in self.unfinished.values())

    def poll(self) -> None:
        """Count the shards whose runs have changed, and some that may be hashed without a heartbeat of this batch."""
        self._read_heartbeats()
        numbers = list(self.unfinished)
        others = max(0, len(numbers) - NEXT_SHARDS)
        start = NEXT_SHARDS + (self._polls * OTHER_SHARDS % others if others else 0)
        self._polls += 1
        for number in [*numbers[:NEXT_SHARDS], *numbers[start : start + OTHER_SHARDS]]:
            self.count(self.unfinished[number])

    def _read_heartbeats(self) -> None:
        now = self._monotonic()
        runs = [run for run in self._read(self._runs) if run.shard_number in self.unfinished]
        for number, group in groupby(sorted(runs, key=attrgetter("shard_number", "pk")), attrgetter("shard_number")):
            state = self.unfinished[number]
            if state.update_runs(tuple(group), now):
                self.note_change()
                self.count(state)
        # Keys are given in ascending order but may become visible in another: transactions overlap.
        self._min_run_pk = min((run.pk for run in runs if run.shard_number in self.unfinished), default=0) - 100

    def _runs(self) -> list[ShardRun]:
        runs = BackfillRun.objects.using(self.using).filter(batch_id=self._first.batch_id, pk__gte=self._min_run_pk)
        return list(map(ShardRun._make, runs.values_list(*ShardRun._fields)))

    def note_change(self) -> None:
        self.changed_at, self.idle_rounds = self._monotonic(), 0

    def count(self, state: ShardState) -> None:
        """Count the pending rows of a shard, which is finished when there are none."""
        before = state.pending
        self._read(lambda: state.count_pending(self._clock.now))
        if state.pending < before:
            self.note_change()
        if not state.pending:
            self.unfinished.pop(state.shard.number, None)

    def count_failed(self) -> int:
        return self._read(lambda: self.failed_rows().order_by().count())

    def read_results(self, report: BackfillReport) -> None:
        """Set the counts and the first errors of `report`."""
        hashed = self._read(lambda: self._tried_rows().hashed().filter(hash_error="").count())
        report.set_counts(hashed, self.count_failed())
        first = self.failed_rows().values_list("pk", "hash_error")[:SHOWN_ERRORS]
        for pk, error in self._read(lambda: list(first)):
            report.note_error(pk, error)

    def failed_rows(self) -> ImageAssetQuerySet[Any]:
        """Return the rows that failed since the list was split, in the order of their keys."""
        return self._tried_rows().failed().order_by("pk")

    def _tried_rows(self) -> ImageAssetQuerySet[Any]:
        """Return the rows tried since the list was split. Those with a time in the future count as not tried."""
        within = Q()
        for _, group in groupby(self._shards, attrgetter("only_failed")):
            part = list(group)
            within |= Q(pk__gte=part[0].options().start_pk, pk__lte=part[-1].options().end_pk)
        since, until = self._first.options().tried_before, self._clock.now() + CLOCK_TOLERANCE
        return self._first.rows().filter(within, hashed_at__gte=since, hashed_at__lte=until)

    def _read(self, query: Callable[[], T]) -> T:
        """Retry once, for a connection that was cut since the last poll."""
        return retry_transient(query, self.using, pauses=(0,))
