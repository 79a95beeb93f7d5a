"""Page numbers of a large table without counting it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet

# An estimate below this is not worth its error.
SMALL_TABLE = 10_000
# Matches of a filter are counted up to here: a thousand pages, which nobody leafs through.
MOST_COUNTED = 100_000


def estimate_rows(queryset: QuerySet[Any]) -> int | None:
    """About how many rows the whole table has; None where it is small, or where counting is as cheap (SQLite)."""
    connection = connections[queryset.db]
    if connection.vendor != "postgresql":
        return None
    table = connection.ops.quote_name(queryset.model._meta.db_table)
    with connection.cursor() as cursor:
        # Kept up to date by autovacuum; -1 while the table was never looked at.
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [table])
        row = cursor.fetchone()
    return row[0] if row and row[0] >= SMALL_TABLE else None


class LargeTablePaginator(Paginator):  # type: ignore[type-arg]
    """`is_estimate`: the count is the database's own estimate. `is_capped`: there are more rows than counted."""

    is_estimate = False
    is_capped = False

    @cached_property
    def count(self) -> int:
        queryset: Any = self.object_list
        if not queryset.query.where:
            estimate = estimate_rows(queryset)
            self.is_estimate = estimate is not None
            return queryset.order_by().count() if estimate is None else estimate
        counted: int = queryset.order_by()[: MOST_COUNTED + 1].count()
        self.is_capped = counted > MOST_COUNTED
        return min(counted, MOST_COUNTED)
