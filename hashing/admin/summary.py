"""How many pictures are hashed, waiting, failed: from two small partial indexes, and an estimate of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from hashing.admin.paginator import estimate_rows
from hashing.querysets import ImageAssetQuerySet


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
