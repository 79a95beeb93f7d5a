"""Estimates of the number of rows of a table, without counting them."""

from __future__ import annotations

import time
from typing import Any

CACHE_SECONDS = 60
# The rule of PostgreSQL's planner: the density of the last ANALYZE, or that of rows of 300 bytes, by the size now.
POSTGRESQL_ESTIMATE = """
SELECT pg_relation_size(oid) * CASE WHEN reltuples > 0 AND relpages > 0
    THEN reltuples / (relpages * current_setting('block_size')::float8) ELSE 1 / 300.0 END
FROM pg_class WHERE oid = to_regclass(%s)
"""

_estimates: dict[tuple[str, str], tuple[float, int]] = {}


def estimate_rows(connection: Any, table: str) -> int:
    """Return about how many rows a table of PostgreSQL or SQLite has; 0 if it does not exist.

    Estimates are cached in this process for a minute.
    """
    key, now = (connection.alias, table), time.monotonic()
    expires, rows = _estimates.get(key, (0.0, 0))
    if now >= expires:
        rows = query_estimate(connection, table)
        _estimates[key] = now + CACHE_SECONDS, rows
    return rows


def clear_estimates() -> None:
    _estimates.clear()


def query_estimate(connection: Any, table: str) -> int:
    quoted = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_ESTIMATE, [quoted])
        else:
            # The largest key, which is found at once. It is too large only where rows were deleted.
            cursor.execute(f"SELECT MAX(rowid) FROM {quoted}")
        found = cursor.fetchone()
    return round(found[0] or 0) if found else 0
