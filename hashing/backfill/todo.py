"""The to-do list of a backfill: which rows, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice
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

    `made_at` is when it was made, now if nothing is said: what fails later is not tried again. Raises `ValueError` for
    a queryset that is sliced.
    """

    def __init__(self, queryset: Rows, options: BackfillOptions, made_at: datetime | None = None) -> None:
        if queryset.query.is_sliced:
            raise ValueError("A backfill takes a queryset that is not sliced; use limit.")
        self._options = options
        self._made_at = made_at or timezone.now()
        self._rows = self._in_range(queryset)

    def __len__(self) -> int:
        # Where nothing else is asked, the index of the unhashed rows alone can count them.
        plain = not (self._options.rehash or self._options.skip_failed or self._options.only_failed)
        parts = [self._rows.unhashed()] if plain and self._options.tried_before is None else self.parts()
        limit = self._options.limit
        count = sum(part[:limit].count() for part in parts)
        return count if limit is None else min(count, limit)

    def __iter__(self) -> Iterator[StoredFile]:
        return islice(chain.from_iterable(map(self._page_through, self.parts())), self._options.limit)

    def parts(self) -> list[Rows]:
        """The rows to do, in querysets that come one after the other; each is done in the order of its keys."""
        tried_before = self._options.tried_before
        if self._options.rehash:
            rows = self._rows if tried_before is None else _tried_before(self._rows, tried_before)
            return [rows.filter(hash_error="") if self._options.skip_failed else rows]
        # Never-tried rows first: however many rows fail for good, a run with a limit gets further.
        never_tried = self._rows.never_tried()
        failed = _tried_before(self._rows.unhashed().failed(), tried_before or self._made_at)
        return [never_tried] * (not self._options.only_failed) + [failed] * (not self._options.skip_failed)

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
