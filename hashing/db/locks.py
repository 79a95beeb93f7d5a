from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from hashing.db.paging import batches


def lock_without_waiting(rows: QuerySet[Any], keys: Iterable[Any]) -> set[Any]:
    """Lock the rows with these keys that nobody else has locked, and return the keys of the rows that somebody has.

    The locks last until the transaction ends. SQLite locks the whole database instead.
    """
    busy = set[Any]()
    for batch in batches(sorted(keys)):
        chosen = rows.filter(pk__in=batch).order_by("pk").values_list("pk", flat=True)
        locked = set(chosen.select_for_update(of=("self",), skip_locked=True))
        # A row that is missing from `locked` may also not exist.
        busy |= set(chosen) - locked if len(locked) < len(batch) else set()
    return busy
