from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from django.db import connections, transaction
from django.db.models import QuerySet

from hashing.db.expressions import HasKey
from hashing.db.retry import retry_transient

K = TypeVar("K")


def pages_by_key(rows: QuerySet[Any], fields: tuple[str, ...], size: int) -> Iterator[list[tuple[Any, ...]]]:
    """Pages of at most `size` rows, in the order of their keys; each row is its key and the values of `fields`."""
    rows = in_key_order(rows)
    page = read_page(rows, fields, size)
    while page:
        yield page
        page = read_page(rows.filter(pk__gt=page[-1][0]), fields, size)


def in_key_order(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The rows by ascending key, also those of a queryset that was reversed: `order_by` alone would keep that."""
    ordered = rows.order_by("pk")
    return ordered if ordered.query.standard_ordering else ordered.reverse()


def rows_with_keys(
    rows: QuerySet[Any], keys: Iterable[Any], fields: tuple[str, ...], size: int = 5000
) -> Iterator[tuple[Any, ...]]:
    """The key and the values of `fields` of each row that has one of many keys."""
    for batch in batches(keys, size):
        found = rows.order_by().filter(HasKey(batch)).values_list("pk", *fields)
        # A queryset that has failed has read nothing, and may be evaluated again.
        yield from retry_transient(partial(list, found), rows.db)


def batches(keys: Iterable[K], size: int = 5000) -> Iterator[list[K]]:
    """Databases take only so many keys in one query: SQLite 32,766."""
    left = iter(keys)
    while batch := list(islice(left, size)):
        yield batch


def read_page(rows: QuerySet[Any], fields: tuple[str, ...], size: int) -> list[tuple[Any, ...]]:
    """The first `size` of `rows`, whose order is the caller's; each is its key and the values of `fields`."""
    # Values, because a model instance with an ImageField may open its file.
    page = rows.values_list("pk", *fields)[:size]

    def read() -> list[tuple[Any, ...]]:
        with same_server(rows.db):
            return list(page.iterator())

    return retry_transient(read, rows.db)


def same_server(alias: str) -> AbstractContextManager[object]:
    """For iterator(): PostgreSQL keeps its cursor, and PgBouncer keeps to one server for one transaction only."""
    connection = connections[alias]
    needed = connection.vendor == "postgresql" and not connection.in_atomic_block
    return transaction.atomic(using=alias) if needed else nullcontext()
