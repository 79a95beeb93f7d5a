from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from django.db.models import QuerySet

from hashing.db.expressions import HasKey
from hashing.db.retry import retry_transient
from hashing.db.transactions import same_server

K = TypeVar("K")

Row = tuple[Any, ...]


def pages_by_key(rows: QuerySet[Any], fields: tuple[str, ...], size: int) -> Iterator[list[Row]]:
    """Yield the key and the values of `fields` of all rows, by ascending key, in lists of at most `size`."""
    rows = in_key_order(rows)
    page = read_page(rows, fields, size)
    while page:
        yield page
        page = read_page(rows.filter(pk__gt=page[-1][0]), fields, size)


def read_page(rows: QuerySet[Any], fields: tuple[str, ...], size: int) -> list[Row]:
    """Return the key and the values of `fields` of the first `size` rows, in the order of the queryset."""
    # Not instances, because one with an ImageField may open its file.
    page = rows.values_list("pk", *fields)[:size]

    def read() -> list[Row]:
        with same_server(rows.db):
            return list(page.iterator())

    return retry_transient(read, rows.db)


def in_key_order(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows by ascending key, even if the queryset was reversed, which `order_by` does not undo."""
    ordered = rows.order_by("pk")
    return ordered if ordered.query.standard_ordering else ordered.reverse()


def rows_with_keys(
    rows: QuerySet[Any], keys: Iterable[Any], fields: tuple[str, ...], size: int = 5000
) -> Iterator[Row]:
    """Yield the key and the values of `fields` of each row that has one of many keys."""
    for batch in batches(keys, size):
        found = rows.order_by().filter(HasKey(batch)).values_list("pk", *fields)
        # A queryset whose evaluation failed has no results, and can be evaluated again.
        yield from retry_transient(partial(list, found), rows.db)


def batches(keys: Iterable[K], size: int = 5000) -> Iterator[list[K]]:
    """Yield the keys in lists that a database takes as parameters of one query: SQLite's limit is 32,766."""
    remaining = iter(keys)
    while batch := list(islice(remaining, size)):
        yield batch
