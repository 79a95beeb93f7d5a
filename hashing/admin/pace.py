"""How fast pictures are tried just now: from their rows, whoever it is that tries them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min
from django.utils import timezone

from hashing.db.now import Now
from hashing.models import BackfillRun
from hashing.querysets import ImageAssetQuerySet

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
    lately = BackfillRun.objects.filter(seen_at__gte=Now() - LOOKED_BACK)
    found = lately.aggregate(begun=Min("started_at"), now=Max(Now()))
    now: datetime = found["now"] or timezone.now()
    begun: datetime = found["begun"] or now - LOOKED_BACK
    return max(now - LOOKED_BACK, min(begun, now - SHORTEST)), now
