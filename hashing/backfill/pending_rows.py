from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import Storage
from django.db.models import Q
from django.utils import timezone

from hashing.backfill.options import BackfillOptions
from hashing.db.paging import in_key_order, read_page
from hashing.db.retry import retry_transient
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.keys import SourceKey
from hashing.sources.storages import reference_to
from hashing.workers.worker import Job

Rows = ImageAssetQuerySet[Any]
FILE_FIELDS = ("image", "file_version", "source_type", "source_id", "source_field")


class StoredFile(NamedTuple):
    """A row's key, the name and the version of its file, and who owns it. The name may be empty, or none."""

    pk: Any
    name: str | None
    version: int
    source: SourceKey | None


class PendingRows:
    """The rows of `queryset` that `options` ask for, up to the highest key there is now.

    Iterating tries no row twice: one that fails meanwhile is not listed again. `clock` is the one that `hashed_at` is
    written by.
    """

    def __init__(self, queryset: Rows, options: BackfillOptions, clock: Callable[[], datetime] = timezone.now) -> None:
        self._options = options
        self._clock = clock
        self._made_at = clock()
        self._rows = self._in_range(queryset)

    def __len__(self) -> int:
        # Without further conditions, the index of the unhashed rows alone can count them.
        plain = not (self._options.rehash or self._options.skip_failed or self._options.only_failed)
        parts = [self._rows.unhashed()] if plain and self._options.tried_before is None else self.parts()
        limit = self._options.limit
        count = sum(part[:limit].count() for part in parts)
        return count if limit is None else min(count, limit)

    def __iter__(self) -> Iterator[StoredFile]:
        return chain.from_iterable(self.pages())

    def pages(self) -> Iterator[list[StoredFile]]:
        """Yield the rows in pages, each read when it is asked for."""
        left = self._options.limit
        for page in chain.from_iterable(map(self._page_through, self._parts())):
            wanted = page if left is None else page[:left]
            left = None if left is None else left - len(wanted)
            if not wanted:
                return
            yield wanted

    def parts(self) -> list[Rows]:
        """The rows to do, in querysets that come one after the other; each is done in the order of its keys."""
        return [part() for part in self._parts()]

    def _parts(self) -> list[Callable[[], Rows]]:
        if self._options.rehash:
            return [self._rows_to_rehash]
        # Never-tried rows first: however many rows fail for good, a run with a limit gets further.
        never_tried = [] if self._options.only_failed else [self._rows.never_tried]
        return never_tried + ([] if self._options.skip_failed else [self._failed_rows])

    def _rows_to_rehash(self) -> Rows:
        rows, tried_before = self._rows, self._options.tried_before
        rows = rows.filter(hash_error="") if self._options.skip_failed else rows
        return rows if tried_before is None else self._not_tried_since(rows, tried_before)

    def _failed_rows(self) -> Rows:
        return self._not_tried_since(self._rows.unhashed().failed(), self._options.tried_before or self._made_at)

    def _not_tried_since(self, rows: Rows, moment: datetime) -> Rows:
        """Times in the future count as unknown: the clock of another machine was ahead."""
        return rows.filter(Q(hashed_at__isnull=True) | Q(hashed_at__lt=moment) | Q(hashed_at__gt=self._clock()))

    def _in_range(self, rows: Rows) -> Rows:
        ordered: Rows = in_key_order(rows)  # type: ignore[assignment]
        last_pk = retry_transient(lambda: ordered.values_list("pk", flat=True).last(), rows.db)
        if last_pk is None:
            return rows.none()
        bounds = {"pk__lte": last_pk, "pk__gte": self._options.start_pk}
        found = ordered.filter(**{name: key for name, key in bounds.items() if key is not None})
        return found if self._options.end_pk is None else found.filter(pk__lte=self._options.end_pk)

    def _page_through(self, part: Callable[[], Rows]) -> Iterator[list[StoredFile]]:
        last_pk = None
        while True:
            # For each page again, because the rows that were tried since the last one are told by the clock.
            rows = part() if last_pk is None else part().filter(pk__gt=last_pk)
            page = read_page(rows, FILE_FIELDS, self._options.batch_size)
            if not page:
                return
            yield [StoredFile(pk, name, version, SourceKey.of(*source)) for pk, name, version, *source in page]
            last_pk = page[-1][0]


def make_job(storage: Storage, pk: Any, name: str | None, *, local: bool) -> Job:
    """With a path where the storage is `local`: a worker then needs neither Django nor the site's settings."""
    if not name:
        return Job(pk, name)
    if not local:
        return Job(pk, name, storage=reference_to(storage))
    try:
        return Job(pk, name, path=storage.path(name))
    except (SuspiciousOperation, ValueError) as error:
        return Job(pk, name, refusal=f"{type(error).__name__}: {error}")
