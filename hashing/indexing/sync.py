from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import IntegrityError, router
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from hashing.db.paging import in_key_order, pages_by_key
from hashing.db.retry import retry_transient
from hashing.db.transactions import exclusive_transaction
from hashing.indexing.registration import Registration, SyncCounts
from hashing.models.image_asset import CoOwner, ImageAsset
from hashing.sources.keys import key_as_text, text_as_key
from hashing.sources.registry import all_sources, find_sources
from hashing.sources.source import ImageSource, OwnedFile
from hashing.text import printable

logger = logging.getLogger(__name__)

PAGE_SIZE = 5000


@dataclass
class SourceComparison:
    """Finds the differences between the rows of a source and their assets in the database `using`.

    The database compares, and returns only differences. If the rows are in another database than the assets, whole
    pages are read and compared here.

    Each row is looked up by a subquery, which uses an index. For `EXISTS`, PostgreSQL plans a join that reads all
    assets for each row while the table grows and has no statistics yet.
    """

    source: ImageSource
    using: str
    # Rows for which a method of the source raised an error.
    failed: int = 0

    def files_out_of_step(self) -> Iterator[list[OwnedFile]]:
        """Yield pages of files whose row has no asset, or one with another file."""
        rows = self.rows()
        if self.in_one_database:
            rows = self.without_registered(rows)
        pages = self.pages_of_instances(rows) if self.source.needs_instances else self.pages_of_values(rows)
        return (page for page in pages if page)

    def ids_without_a_row(self) -> Iterator[list[str]]:
        """Yield pages of keys that assets or co-owners have, and no row with a file."""
        # Co-owners first: an asset whose owner is gone must not pass to one that is gone as well.
        for model in (CoOwner, ImageAsset):
            owned = model._base_manager.using(self.using).filter(self.source.owner_filter)
            if self.in_one_database:
                owned = owned.alias(hashing_key=text_as_key(F("source_id"), self.source.model, self.using))
                row = self.rows().filter(pk=OuterRef("hashing_key"))
                owned = owned.alias(hashing_row=Subquery(row.values("pk")[:1])).filter(hashing_row__isnull=True)
            for page in pages_by_key(owned, ("source_id",), PAGE_SIZE):
                ids = [source_id for _, source_id in page]
                yield ids if self.in_one_database else self.missing(ids)

    @property
    def row_database(self) -> str:
        return self.source.database(self.using)

    @property
    def in_one_database(self) -> bool:
        return self.row_database == self.using

    def rows(self) -> QuerySet[Any]:
        """Return the rows that take part and have a file."""
        name = self.source.field.attname
        rows = self.source.rows().using(self.row_database)
        return rows.exclude(**{name: ""}).filter(**{f"{name}__isnull": False})

    def without_registered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = rows.alias(hashing_key=key_as_text(self.source.model, self.row_database))
        for model, name in ((ImageAsset, "image"), (CoOwner, "asset__image")):
            registered = model._base_manager.using(self.using).filter(self.source.owner_filter)
            file = Subquery(registered.filter(source_id=OuterRef("hashing_key")).values(name)[:1])
            # NULL would be unlike any name.
            known = Coalesce(file, Value(""), output_field=TextField())
            rows = rows.filter(~Q(Exact(known, F(self.source.field.attname))))
        return rows

    def pages_of_values(self, rows: QuerySet[Any]) -> Iterator[list[OwnedFile]]:
        storage, age_field = self.source.field.storage, self.source.age_field
        fields = (self.source.field.attname, *([age_field] if age_field else []))
        for page in pages_by_key(rows, fields, PAGE_SIZE):
            yield [OwnedFile(str(pk), name, storage, *age) for pk, name, *age in page]

    def pages_of_instances(self, rows: QuerySet[Any]) -> Iterator[list[OwnedFile]]:
        rows = remaining = in_key_order(rows)
        page: list[Any]
        while page := retry_transient(partial(list, remaining[:PAGE_SIZE]), rows.db):
            yield list(filter(None, map(self.file_of, page)))
            remaining = rows.filter(pk__gt=page[-1].pk)

    def file_of(self, row: Any) -> OwnedFile | None:
        try:
            return self.source.file_of(row)
        # Methods of the site, which may fail for one row; the other rows must not be affected.
        except Exception:
            logger.exception("A row is left out: %s", printable(str(self.source.key_of(row))))
            self.failed += 1
            return None

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Return the keys without a row."""
        pks = {source_id: self.source.parse_pk(source_id) for source_id in ids}
        known = [pk for pk in pks.values() if pk is not None]
        existing = set(self.rows().filter(pk__in=known).values_list("pk", flat=True))
        return [source_id for source_id, pk in pks.items() if pk not in existing]


# An advisory lock of PostgreSQL: of two runs at once, one waits while the other writes a page.
SYNC_LOCK = 0x68617368_0003
# A row that is saved at the same moment is registered by its signal.
MAX_ATTEMPTS = 3

Notify = Callable[[int], object]


def sync_sources(
    labels: Iterable[str] = (),
    *,
    using: str | None = None,
    dry_run: bool = False,
    notify: Notify = lambda _count: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, SyncCounts]:
    """Update the index for the sources with these labels, by default all. Return what was changed, by label.

    `notify` is called after each page with the number of its rows that differed. Raise `UnknownSource`.
    """
    alias = using or router.db_for_write(ImageAsset)
    chosen = [source for label in labels for source in find_sources(label)] if labels else all_sources()
    counts: dict[str, SyncCounts] = {}
    for source in dict.fromkeys(chosen):
        sync = SourceSync(source, alias, dry_run=dry_run, notify=notify, should_stop=should_stop)
        counts[source.label] = sync.run()
        if should_stop():
            break
    return counts


@dataclass(frozen=True)
class SourceSync:
    """Updates the index for one source, a page in each transaction. After a stop at any time, run it again."""

    source: ImageSource
    using: str
    dry_run: bool = False
    notify: Notify = lambda _count: None
    should_stop: Callable[[], bool] = lambda: False

    def run(self) -> SyncCounts:
        counts = SyncCounts()
        comparison = SourceComparison(self.source, self.using)
        for change, rows in page_changes(comparison):
            counts.add(self.apply(change))
            self.notify(rows)
            if self.should_stop():
                break
        counts.left_out += comparison.failed
        return counts

    def apply(self, change: Callable[[Registration], SyncCounts], attempts: int = MAX_ATTEMPTS) -> SyncCounts:
        registration = Registration(self.source, self.using, dry_run=self.dry_run)
        if self.dry_run:
            return change(registration)
        try:
            with exclusive_transaction(self.using, SYNC_LOCK):
                return change(registration)
        except IntegrityError:
            if attempts == 1:
                raise
        return self.apply(change, attempts - 1)


def page_changes(comparison: SourceComparison) -> Iterator[tuple[Callable[[Registration], SyncCounts], int]]:
    """Yield the change for each page that differs, and the number of its rows."""
    for files in comparison.files_out_of_step():
        yield partial(Registration.attach, files=files), len(files)
    for ids in comparison.ids_without_a_row():
        yield partial(Registration.detach, source_ids=ids), len(ids)
