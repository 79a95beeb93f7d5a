"""How many images are hashed, waiting and failed: the figures of the admin, of commands and of monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from hashing.db.queryset_state import is_narrowed
from hashing.db.table_size import estimate_count
from hashing.models.querysets import ImageAssetQuerySet


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
