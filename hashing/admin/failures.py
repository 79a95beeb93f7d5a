"""The pictures that failed last, at a cost that does not grow with the failures or with the table."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import F, QuerySet

from hashing.admin.columns import short_reason
from hashing.models import ImageAsset
from hashing.querysets import ImageAssetQuerySet

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
