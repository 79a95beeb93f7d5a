"""The to-do list of a backfill: which rows, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Q
from django.utils import timezone

from hashing.backfill.options import BackfillOptions
from hashing.paging import pages_by_key
from hashing.querysets import HashedImageQuerySet

Rows = HashedImageQuerySet[Any]


class StoredFile(NamedTuple):
    """A row's key and the name its file has in the storage, as the row has it: it may be empty, or none."""

    pk: Any
    name: str | None


class TodoList:
    """The rows of `queryset` that `options` ask for, up to the highest key there is now.

    Raises `ValueError` for a queryset that is sliced.
    """

    def __init__(self, queryset: Rows, options: BackfillOptions) -> None:
        if queryset.query.is_sliced:
            raise ValueError("A backfill takes a queryset that is not sliced; use limit.")
        self._options = options
        self._made_at = timezone.now()
        self._rows = self._in_range(queryset)

    def __len__(self) -> int:
        scope = self._rows if self._options.rehash else self._rows.unhashed()
        if self._options.skip_failed:
            scope = scope.filter(hash_error="")
        count: int = scope[: self._options.limit].count()
        return count

    def __iter__(self) -> Iterator[StoredFile]:
        return islice(self._all(), self._options.limit)

    def _all(self) -> Iterator[StoredFile]:
        if self._options.rehash:
            yield from self._page_through(self._rows.filter(hash_error="") if self._options.skip_failed else self._rows)
            return
        # Never-tried rows first: however many rows fail for good, a run with a limit gets further.
        yield from self._page_through(self._rows.never_tried())
        if not self._options.skip_failed:
            yield from self._page_through(_tried_before(self._rows.unhashed().failed(), self._made_at))

    def _in_range(self, rows: Rows) -> Rows:
        rows = rows.order_by("pk")
        last_pk = rows.values_list("pk", flat=True).last()
        if last_pk is None:
            return rows.none()
        rows = rows.filter(pk__lte=last_pk)
        if self._options.start_pk is not None:
            rows = rows.filter(pk__gte=self._options.start_pk)
        if self._options.end_pk is not None:
            rows = rows.filter(pk__lte=self._options.end_pk)
        return rows

    def _page_through(self, rows: Rows) -> Iterator[StoredFile]:
        for page in pages_by_key(rows, (rows.model.hash_source,), self._options.batch_size):
            yield from map(StoredFile._make, page)


def _tried_before(rows: Rows, moment: datetime) -> Rows:
    return rows.filter(Q(hashed_at__isnull=True) | Q(hashed_at__lt=moment))
