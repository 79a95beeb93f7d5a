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
from hashing.db.queryset_state import combinator, gives_values, is_distinct, is_sliced, locks_rows
from hashing.db.retry import retry_transient
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.keys import SourceKey
from hashing.sources.storages import UnknownStorage, reference_to
from hashing.stored_files.availability import is_local
from hashing.workers.worker import Job

Rows = ImageAssetQuerySet[Any]
FILE_FIELDS = ("image", "file_version", "source_type", "source_id", "source_field")


def target_rows(queryset: Rows | None, options: BackfillOptions) -> Rows:
    """Return the rows that a backfill is about, by default all image assets, on the database that it works on.

    Raise `ValueError` for rows of other models, and for querysets that cannot be filtered and paged by key.
    """
    rows = ImageAsset.objects.all() if queryset is None else queryset
    if not issubclass(rows.model, ImageAsset):
        raise ValueError(f"{rows.model.__name__} has no hashes: a backfill takes image assets.")  # noqa: TRY004
    refuse_unsuitable(rows)
    if options.sources:
        rows = rows.of_sources(options.sources)
    return rows.using(options.using or rows.write_database)


def refuse_unsuitable(rows: Rows) -> None:
    """Raise `ValueError` unless this is a plain queryset in which each row occurs once."""
    if not isinstance(rows, ImageAssetQuerySet):
        raise ValueError(f"A backfill takes a ImageAssetQuerySet, not a {type(rows).__name__}.")  # noqa: TRY004
    reasons = {
        "is sliced; use limit": is_sliced(rows),
        f"is a {combinator(rows)}()": combinator(rows),
        "has values() or values_list()": gives_values(rows),
        "is distinct(); use filter(pk__in=...)": is_distinct(rows),
        "locks its rows (select_for_update)": locks_rows(rows),
    }
    for reason, applies in reasons.items():
        if applies:
            raise ValueError(f"A backfill takes a plain queryset; this one {reason}.")


class StoredFile(NamedTuple):
    """A row's key, the name and version of its file, and the source that owns it. The name may be empty or None."""

    pk: Any
    name: str | None
    version: int
    source: SourceKey | None

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> StoredFile:
        """Build it from the key and `FILE_FIELDS` of a row."""
        pk, name, version, *source = row
        return cls(pk, name, version, SourceKey.of(*source))

    def job(self, storage: Storage | None) -> Job:
        """Return the job of hashing this file; `storage` is None when it is not known which one has it."""
        if storage is None:
            return Job(self.pk, self.name, refusal=f"LookupError: {UnknownStorage(self.source)}")
        if not self.name:
            return Job(self.pk, self.name)
        if not is_local(storage):
            return Job(self.pk, self.name, storage=reference_to(storage))
        try:
            # With a path, a worker needs neither Django nor the settings of the site.
            return Job(self.pk, self.name, path=storage.path(self.name))
        except (SuspiciousOperation, ValueError) as error:
            return Job(self.pk, self.name, refusal=f"{type(error).__name__}: {error}")


class PendingRows:
    """The rows of `queryset` that `options` ask for, up to the highest key at the time of creation.

    Iteration yields no row twice, also not one that fails meanwhile. `clock` is the one that sets `hashed_at`.
    """

    def __init__(self, queryset: Rows, options: BackfillOptions, clock: Callable[[], datetime] = timezone.now) -> None:
        self._options = options
        self._clock = clock
        self._created_at = clock()
        self._rows = self._within_bounds(queryset)

    def __len__(self) -> int:
        # Without further conditions, the index of the unhashed rows alone can count them.
        options, limit = self._options, self._options.limit
        plain = not (options.stale or options.rehash or options.skip_failed or options.only_failed)
        parts = [self._rows.unhashed()] if plain and options.tried_before is None else self.parts()
        count = sum(part[:limit].count() for part in parts)
        return count if limit is None else min(count, limit)

    def __iter__(self) -> Iterator[StoredFile]:
        return chain.from_iterable(self.pages())

    def pages(self) -> Iterator[list[StoredFile]]:
        """Yield the rows in pages, each read on demand."""
        left = self._options.limit
        for page in chain.from_iterable(map(self._pages_of, self._parts())):
            wanted = page if left is None else page[:left]
            left = None if left is None else left - len(wanted)
            if not wanted:
                return
            yield wanted

    def parts(self) -> list[Rows]:
        """Return the rows as consecutive querysets, each to be read in the order of its keys."""
        return [part() for part in self._parts()]

    def _parts(self) -> list[Callable[[], Rows]]:
        if self._options.stale:
            # Each keeps its hash until it gets the new one, and is stale no longer.
            return [self._rows.stale]
        if self._options.rehash:
            return [self._rows_to_rehash]
        # Never-tried rows first: a run with a limit makes progress however many rows fail permanently.
        never_tried = [] if self._options.only_failed else [self._rows.never_tried]
        return never_tried + ([] if self._options.skip_failed else [self._failed_rows])

    def _rows_to_rehash(self) -> Rows:
        rows, tried_before = self._rows, self._options.tried_before
        rows = rows.filter(hash_error="") if self._options.skip_failed else rows
        return rows if tried_before is None else self._not_tried_since(rows, tried_before)

    def _failed_rows(self) -> Rows:
        return self._not_tried_since(self._rows.unhashed().failed(), self._options.tried_before or self._created_at)

    def _not_tried_since(self, rows: Rows, moment: datetime) -> Rows:
        """Return the rows not tried since a moment. A time in the future, of a wrong clock, counts as unknown."""
        return rows.filter(Q(hashed_at__isnull=True) | Q(hashed_at__lt=moment) | Q(hashed_at__gt=self._clock()))

    def _within_bounds(self, rows: Rows) -> Rows:
        ordered: Rows = in_key_order(rows)  # type: ignore[assignment]
        last_pk = retry_transient(lambda: ordered.values_list("pk", flat=True).last(), rows.db)
        if last_pk is None:
            return rows.none()
        bounds = {"pk__lte": last_pk, "pk__gte": self._options.start_pk}
        found = ordered.filter(**{name: key for name, key in bounds.items() if key is not None})
        return found if self._options.end_pk is None else found.filter(pk__lte=self._options.end_pk)

    def _pages_of(self, part: Callable[[], Rows]) -> Iterator[list[StoredFile]]:
        last_pk = None
        while True:
            # Rebuilt for each page: the clock decides which failed rows were already tried.
            rows = part() if last_pk is None else part().filter(pk__gt=last_pk)
            page = read_page(rows, FILE_FIELDS, self._options.batch_size)
            if not page:
                return
            yield list(map(StoredFile.of, page))
            last_pk = page[-1][0]
