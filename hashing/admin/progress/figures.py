from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, Max, Min, QuerySet
from django.utils import timezone

from hashing.admin.columns import short_error
from hashing.db.clock import Ago, Now
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
    recent = BackfillRun.objects.filter(heartbeat_at__gte=Ago(THROUGHPUT_WINDOW))
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
