from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.utils import timezone

from hashing.admin.images.columns import short_reason
from hashing.admin.paginator import estimate_rows
from hashing.db.clock import Now
from hashing.models import BackfillRun, ImageAsset
from hashing.models.querysets import ImageAssetQuerySet


@dataclass(frozen=True)
class Summary:
    """`total` and `hashed` are estimates when `is_estimate`. `last_hashed_at` is the latest try of any row."""

    total: int
    waiting: int
    failed: int
    last_hashed_at: datetime | None
    is_estimate: bool

    @property
    def hashed(self) -> int:
        return max(0, self.total - self.waiting - self.failed)

    @property
    def percent(self) -> int:
        """Hashed of all, rounded down: 100 means all."""
        return 100 * self.hashed // self.total if self.total else 100


def summarize(rows: ImageAssetQuerySet[Any]) -> Summary:
    """Of the whole table, in four or five cheap queries."""
    estimate = estimate_rows(rows)
    failed = rows.failed().count()
    return Summary(
        total=rows.count() if estimate is None else estimate,
        # Not never_tried(): without a condition on the error, the index alone answers.
        waiting=max(0, rows.unhashed().count() - failed),
        failed=failed,
        last_hashed_at=rows.aggregate(latest=Max("hashed_at"))["latest"],
        is_estimate=estimate is not None,
    )


LOOKED_BACK = timedelta(minutes=1)
# A batch is written at once: over a shorter time, it would look like a burst.
SHORTEST = timedelta(seconds=5)
# More rows than these are not counted; the time that they took says it as well.
MOST_COUNTED = 10_000


def images_a_second(rows: ImageAssetQuerySet[Any]) -> float:
    """Hashed and failed, over the last minute, or since the first of the runs of this minute began."""
    since, now = _span()
    latest = rows.filter(hashed_at__gt=since).order_by("-hashed_at").values("hashed_at")[:MOST_COUNTED]
    tried = latest.aggregate(count=Count("*"), first=Min("hashed_at"))
    if tried["count"] == MOST_COUNTED:
        since = min(tried["first"], now - timedelta(seconds=1))
    return float(tried["count"]) / (now - since).total_seconds()


def _span() -> tuple[datetime, datetime]:
    """On the clock of the database, as far as there are runs; what else is hashed is hashed by the site itself."""
    lately = BackfillRun.objects.filter(heartbeat_at__gte=Now() - LOOKED_BACK)
    found = lately.aggregate(begun=Min("started_at"), now=Max(Now()))
    now: datetime = found["now"] or timezone.now()
    begun: datetime = found["begun"] or now - LOOKED_BACK
    return max(now - LOOKED_BACK, min(begun, now - SHORTEST)), now


MOST_SHOWN = 10
MOST_LOOKED_AT = 2_000


class Failure(NamedTuple):
    asset: ImageAsset
    reason: str


def latest_failures(rows: ImageAssetQuerySet[Any]) -> list[Failure]:
    """The latest first, of the failed rows with the highest keys and of the rows that were tried last, a few thousand
    each. Exact until more have failed."""
    with_highest_keys = rows.failed().order_by("-pk")
    tried_last = rows.filter(hashed_at__isnull=False).order_by("-hashed_at")
    found = {asset.pk: asset for some in (with_highest_keys, tried_last) for asset in _latest_of(rows, some)}
    latest = sorted(found.values(), key=_moment_and_key, reverse=True)
    return [Failure(asset, short_reason(asset.hash_error)) for asset in latest[:MOST_SHOWN]]


def _latest_of(rows: ImageAssetQuerySet[Any], some: QuerySet[Any]) -> QuerySet[Any]:
    failed = rows.failed().filter(pk__in=some.values("pk")[:MOST_LOOKED_AT])
    latest = failed.order_by(F("hashed_at").desc(nulls_last=True), "-pk")
    return latest.only("image", "hash_error", "hashed_at")[:MOST_SHOWN]


def _moment_and_key(asset: ImageAsset) -> tuple[float, int]:
    return (asset.hashed_at.timestamp() if asset.hashed_at else 0.0, asset.pk)


LATELY = timedelta(hours=1)
MOST_UNDER_WAY, MOST_IN_TROUBLE = 50, 10


@dataclass(frozen=True)
class ShownRuns:
    """The first runs of a list. `has_more`: there are others. `taken_up`: keys of those that later runs
    went on with."""

    runs: list[BackfillRun]
    has_more: bool
    taken_up: frozenset[int] = frozenset()


def runs_under_way() -> ShownRuns:
    """By machine: each keeps its place when it goes on to another range."""
    found = list(BackfillRun.objects.alive().order_by("worker", "pk")[: MOST_UNDER_WAY + 1])
    return ShownRuns(found[:MOST_UNDER_WAY], len(found) > MOST_UNDER_WAY)


def runs_in_trouble() -> ShownRuns:
    """Of the last hour, the latest first: those not heard of any more, and those that ended early."""
    ended_early = Q(ended_at__isnull=False) & ~Q(stopped="")
    runs = BackfillRun.objects.lost() | BackfillRun.objects.filter(ended_early)
    lately = runs.filter(heartbeat_at__gte=Now() - LATELY).order_by("-heartbeat_at", "-pk")
    found = list(lately[: MOST_IN_TROUBLE + 1])
    return ShownRuns(found[:MOST_IN_TROUBLE], len(found) > MOST_IN_TROUBLE, _taken_up(found))


def _taken_up(runs: Sequence[BackfillRun]) -> frozenset[int]:
    """Those of a dispatched range for which a later run was begun."""
    dispatched = [run for run in runs if run.batch_id]
    first = min((run.pk for run in dispatched), default=0)
    names = {run.batch_id for run in dispatched}
    numbers = {run.shard_number for run in dispatched}
    # Of many more than these: one look at the records is cheaper than one for each range.
    others = BackfillRun.objects.filter(batch_id__in=names, shard_number__in=numbers, pk__gt=first)
    found = others.order_by("pk").values_list("batch_id", "shard_number", "pk")
    latest = {(name, number): pk for name, number, pk in found}
    return frozenset(run.pk for run in dispatched if latest.get((run.batch_id, run.shard_number), 0) > run.pk)
