"""Estimates of the number of rows of a table or an index, without counting them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.models import QuerySet

CACHE_SECONDS = 60
# Below this, a count is cheap.
MIN_ESTIMATE = 10_000
# The rule of PostgreSQL's planner: the density of the last ANALYZE, or that of rows of 300 bytes, by the size now.
# Entries of an index have 8 bytes where many rows share a value.
POSTGRESQL_ESTIMATE = """
SELECT pg_relation_size(oid) * CASE WHEN reltuples > 0 AND relpages > 0
    THEN reltuples / (relpages * current_setting('block_size')::float8)
    WHEN relkind = 'i' THEN 1 / 8.0 ELSE 1 / 300.0 END
FROM pg_class WHERE oid = to_regclass(%s)
"""
# The share of rows with a value, among SAMPLED_ROWS. Multiples of the golden section are spread evenly over the table,
# and follow no pattern of its rows.
SQLITE_SHARE = """
WITH RECURSIVE numbers(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers LIMIT {sampled})
SELECT AVG({column} IS NOT NULL) FROM {table}
WHERE rowid IN (SELECT CAST(number * {step} AS INTEGER) % {rows} + 1 FROM numbers)
"""
SAMPLED_ROWS = 1000
GOLDEN_SECTION = 0.6180339887

_estimates: dict[tuple[str, str], tuple[float, int]] = {}


def estimate_count(queryset: QuerySet[Any]) -> int | None:
    """Return about how many rows the whole table has; None where they can be counted: small tables and SQLite."""
    connection = connections[queryset.db]
    if connection.vendor != "postgresql":
        return None
    rows = estimate_rows(connection, queryset.model._meta.db_table)
    # After many deletions, the file of a small table is large until PostgreSQL has cleaned it.
    if rows < MIN_ESTIMATE or queryset.order_by()[:MIN_ESTIMATE].count() < MIN_ESTIMATE:
        return None
    return rows


def estimate_rows(connection: Any, table: str) -> int:
    """Return about how many rows a table of PostgreSQL or SQLite has; 0 if it does not exist.

    Estimates are cached in this process for a minute.
    """
    return cached_estimate(connection, table, lambda: query_estimate(connection, table))


def estimate_indexed_rows(connection: Any, table: str, column: str, index: str) -> int:
    """Return about how many rows have a value in a column, of which `index` is the partial index; cached as well."""
    return cached_estimate(connection, index, lambda: query_indexed_estimate(connection, table, column, index))


def cached_estimate(connection: Any, name: str, estimate: Callable[[], int]) -> int:
    key, now = (connection.alias, name), time.monotonic()
    expires, rows = _estimates.get(key, (0.0, 0))
    if now >= expires:
        rows = estimate()
        _estimates[key] = now + CACHE_SECONDS, rows
    return rows


def clear_estimates() -> None:
    _estimates.clear()


def query_estimate(connection: Any, table: str) -> int:
    quoted = connection.ops.quote_name(table)
    if connection.vendor == "postgresql":
        return round(query_number(connection, POSTGRESQL_ESTIMATE, quoted))
    # The largest key, which is found at once. It is too large only where rows were deleted.
    return round(query_number(connection, f"SELECT MAX(rowid) FROM {quoted}"))


def query_indexed_estimate(connection: Any, table: str, column: str, index: str) -> int:
    quote = connection.ops.quote_name
    if connection.vendor == "postgresql":
        return round(query_number(connection, POSTGRESQL_ESTIMATE, quote(index)))
    rows = estimate_rows(connection, table)
    names = {"column": quote(column), "table": quote(table)}
    sql = SQLITE_SHARE.format(**names, rows=max(rows, 1), step=GOLDEN_SECTION * rows, sampled=SAMPLED_ROWS)
    return round(rows * query_number(connection, sql))


def query_number(connection: Any, sql: str, *params: Any) -> float:
    """Return the number that a query finds, 0 for NULL and for no row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        found = cursor.fetchone()
    return float(found[0] or 0) if found else 0.0
