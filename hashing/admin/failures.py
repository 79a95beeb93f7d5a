"""The pictures that failed last, at a cost that does not grow with the failures or with the table."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import F

from hashing.admin.columns import short_reason
from hashing.models import ImageAsset
from hashing.querysets import HashedImageQuerySet

MOST_SHOWN = 10
MOST_LOOKED_AT = 5_000


class Failure(NamedTuple):
    asset: ImageAsset
    reason: str


def latest_failures(rows: HashedImageQuerySet[Any], failed: int) -> list[Failure]:
    """The latest first. Where more than a few thousand have `failed`, only what was tried last is looked at."""
    if failed <= MOST_LOOKED_AT:
        # Their own index has them all.
        some = rows.failed().order_by("-pk")
    else:
        some = rows.filter(hashed_at__isnull=False).order_by("-hashed_at")
    found = rows.failed().filter(pk__in=some.values("pk")[:MOST_LOOKED_AT])
    latest = found.order_by(F("hashed_at").desc(nulls_last=True), "-pk").only("image", "hash_error", "hashed_at")
    return [Failure(asset, short_reason(asset.hash_error)) for asset in latest[:MOST_SHOWN]]
