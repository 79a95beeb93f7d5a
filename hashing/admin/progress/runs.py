from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q

from hashing.db.clock import Ago
from hashing.models import BackfillRun
from hashing.observability.summary import percent_of

RECENT = timedelta(hours=1)
MAX_RUNNING, MAX_INTERRUPTED = 50, 10


@dataclass(frozen=True)
class RunList:
    """Some runs of the backfill. `has_more`: there are others; `resumed`: keys of those that a later run continued."""

    runs: list[BackfillRun]
    has_more: bool
    resumed: frozenset[int] = frozenset()


def running_runs() -> RunList:
    """Return the runs that are alive, by machine, so that a machine keeps its row when it begins another shard."""
    found = list(BackfillRun.objects.alive().order_by("worker", "pk")[: MAX_RUNNING + 1])
    return RunList(found[:MAX_RUNNING], len(found) > MAX_RUNNING)


def interrupted_runs() -> RunList:
    """Return the runs of the last hour that were lost or ended early, latest first."""
    ended_early = Q(ended_at__isnull=False) & ~Q(stopped="")
    runs = BackfillRun.objects.lost() | BackfillRun.objects.filter(ended_early)
    recent = runs.filter(heartbeat_at__gte=Ago(RECENT)).order_by("-heartbeat_at", "-pk")
    found = list(recent[: MAX_INTERRUPTED + 1])
    return RunList(found[:MAX_INTERRUPTED], len(found) > MAX_INTERRUPTED, find_resumed(found))


def find_resumed(runs: Sequence[BackfillRun]) -> frozenset[int]:
    """Return the keys of those runs of a shard after which another run of the same shard began."""
    of_shards = [run for run in runs if run.batch_id]
    first = min((run.pk for run in of_shards), default=0)
    batches = {run.batch_id for run in of_shards}
    numbers = {run.shard_number for run in of_shards}
    # This also finds some numbers of other batches, which is cheaper than a query for each run.
    others = BackfillRun.objects.filter(batch_id__in=batches, shard_number__in=numbers, pk__gt=first)
    found = others.order_by("pk").values_list("batch_id", "shard_number", "pk")
    latest = {(batch, number): pk for batch, number, pk in found}
    return frozenset(run.pk for run in of_shards if latest.get((run.batch_id, run.shard_number), 0) > run.pk)


@dataclass(frozen=True)
class RunTotals:
    """The sums of some runs. `rate` is in images per second."""

    total: int
    done: int
    rate: float

    @classmethod
    def of(cls, runs: Sequence[BackfillRun]) -> RunTotals:
        return cls(
            total=sum(run.total for run in runs),
            done=sum(run.done for run in runs),
            rate=sum(run.rate for run in runs),
        )

    @property
    def left(self) -> int:
        return max(0, self.total - self.done)

    @property
    def percent(self) -> int:
        return percent_of(self.done, self.total)
