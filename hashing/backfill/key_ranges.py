"""Cut a long list of rows into key ranges, without reading the keys in between."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from django.db.models import QuerySet

from hashing.db.retry import retry_transient
from hashing.paging import in_key_order


class KeyRange(NamedTuple):
    """`size` rows, when they were counted, from the key `start_pk` to the key `end_pk`, both included."""

    start_pk: Any
    end_pk: Any
    size: int


def cut_into_ranges(rows: QuerySet[Any], size: int, limit: int | None = None) -> Iterator[KeyRange]:
    """Ranges of `size` rows each, the last of which may have fewer; all have at most `limit` rows together.

    The database walks its index and returns two keys a range. Rows may change meanwhile.
    """
    rows = left = in_key_order(rows)
    rest = limit
    while rest is None or rest > 0:
        wanted = size if rest is None else min(size, rest)
        found = retry_transient(partial(_first_range, left, wanted), rows.db)
        if found is None:
            return
        yield found
        # Of all rows, because each filter on top of the last one would make the next query longer.
        left = rows.filter(pk__gt=found.end_pk)
        rest = None if rest is None else rest - found.size


def _first_range(rows: QuerySet[Any], size: int) -> KeyRange | None:
    keys = rows.values_list("pk", flat=True)
    if not (first := list(keys[:1])):
        return None
    if last := list(keys[size - 1 : size]):
        return KeyRange(first[0], last[0], size)
    last, count = list(keys.reverse()[:1]), keys.count()
    # Others may do these rows while they are counted.
    return KeyRange(first[0], last[0], count) if last and count else None
