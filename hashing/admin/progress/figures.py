from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, Max, Min, QuerySet
from django.utils import timezone

from hashing.admin.columns import short_error
from hashing.admin.paginator import estimate_count
from hashing.admin.visibility import is_narrowed
from hashing.db.clock import Now
from hashing.models import BackfillRun, ImageAsset
from hashing.models.querysets import ImageAssetQuerySet

THROUGHPUT_WINDOW = timedelta(minutes=1)
# Batches are written at once, which over a shorter time looks like a burst.
MIN_THROUGHPUT_WINDOW = timedelta(seconds=5)
# Above this many rows, the time that they took is measured instead of their number.
MAX_COUNTED = 10_000
MAX_FAILURES = 10
# Rows in which the latest failures are looked for, by key and by time each.
MAX_CANDIDATES = 2_000


@dataclass(frozen=True)
class Summary:
    """The states of all rows. `total` and `hashed` may be estimates; `last_hashed_at` is the latest attempt."""

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
        return percent_of(self.hashed, self.total)


def percent_of(done: int, total: int) -> int:
    """Return the percentage, rounded down: 100 means all."""
    return 100 * done // total if total else 100


def summarize(rows: ImageAssetQuerySet[Any]) -> Summary:
    """Return the summary of some rows, with four or five queries that for a whole table are cheap at any size."""
    estimate = None if is_narrowed(rows) else estimate_count(rows)
    failed = rows.failed().count()
    return Summary(
        total=rows.count() if estimate is None else estimate,
        # Not never_tried(): without a condition on the error, the index alone answers.
        waiting=max(0, rows.unhashed().count() - failed),
        failed=failed,
        last_hashed_at=rows.aggregate(latest=Max("hashed_at"))["latest"],
        is_estimate=estimate is not None,
    )


def measure_throughput(rows: ImageAssetQuerySet[Any]) -> float:
    """Return the images hashed or failed per second, in the last minute or since the first run of it began."""
    since, now = throughput_window()
    latest = rows.filter(hashed_at__gt=since).order_by("-hashed_at").values("hashed_at")[:MAX_COUNTED]
    tried = latest.aggregate(count=Count("*"), first=Min("hashed_at"))
    if tried["count"] == MAX_COUNTED:
        since = min(tried["first"], now - timedelta(seconds=1))
    return float(tried["count"]) / (now - since).total_seconds()


def throughput_window() -> tuple[datetime, datetime]:
    """Return the start and the end of the time to measure: by the database's clock if there are runs, or by ours."""
    recent = BackfillRun.objects.filter(heartbeat_at__gte=Now() - THROUGHPUT_WINDOW)
    found = recent.aggregate(begun=Min("started_at"), now=Max(Now()))
    now: datetime = found["now"] or timezone.now()
    begun: datetime = found["begun"] or now - THROUGHPUT_WINDOW
    return max(now - THROUGHPUT_WINDOW, min(begun, now - MIN_THROUGHPUT_WINDOW)), now


class Failure(NamedTuple):
    asset: ImageAsset
    error: str


def latest_failures(rows: ImageAssetQuerySet[Any]) -> list[Failure]:
    """Return the latest failures, latest first.

    Only the failed rows with the highest keys and the rows tried last are searched, a few thousand each, so that the
    time does not grow with the table.
    """
    highest_keys = rows.failed().order_by("-pk")
    tried_last = rows.filter(hashed_at__isnull=False).order_by("-hashed_at")
    found = {asset.pk: asset for some in (highest_keys, tried_last) for asset in latest_failed(rows, some)}
    latest = sorted(found.values(), key=time_and_key, reverse=True)
    return [Failure(asset, short_error(asset.hash_error)) for asset in latest[:MAX_FAILURES]]


def latest_failed(rows: ImageAssetQuerySet[Any], candidates: QuerySet[Any]) -> QuerySet[Any]:
    failed = rows.failed().filter(pk__in=candidates.values("pk")[:MAX_CANDIDATES])
    latest = failed.order_by(F("hashed_at").desc(nulls_last=True), "-pk")
    return latest.only("image", "hash_error", "hashed_at")[:MAX_FAILURES]


def time_and_key(asset: ImageAsset) -> tuple[float, int]:
    return (asset.hashed_at.timestamp() if asset.hashed_at else 0.0, asset.pk)
