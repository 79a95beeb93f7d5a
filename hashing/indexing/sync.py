"""Bring the assets of a source in step with its rows: new rows, other files, and rows that are gone.

The database compares, and returns what is out of step alone. Where the rows are in another database than the assets,
they are read page by page and compared here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import IntegrityError, router
from django.db.models import Exists, F, OuterRef, QuerySet

from hashing.db.locks import exclusive_transaction
from hashing.db.paging import in_key_order, pages_by_key
from hashing.db.retry import retry_transient
from hashing.indexing.registration import Registration, SyncCounts
from hashing.models.image_asset import CoOwner, ImageAsset
from hashing.sources.keys import key_as_text, text_as_key
from hashing.sources.registry import all_sources, find_sources
from hashing.sources.source import ImageSource, OwnedFile
from hashing.sources.storages import source_database
from hashing.text import printable

logger = logging.getLogger(__name__)

PAGE = 5000
# An advisory lock of PostgreSQL: of two runs at once, one waits for the other's page.
SYNC_LOCK = 0x68617368_0003
# A row that is saved at the same moment is registered by its signal.
MAX_TRIES = 3

Notify = Callable[[int], object]


def sync_sources(
    labels: Iterable[str] = (),
    *,
    using: str | None = None,
    dry_run: bool = False,
    notify: Notify = lambda _count: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, SyncCounts]:
    """Bring the sources with these labels, by default all, in step with their rows. Returns what was done, by label.

    Raises `UnknownSource`. `notify` is called with the number of rows of each page that was out of step.
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


@dataclass
class SourceSync:
    """Brings one source in step, a page of rows in each transaction; stopped at any time, it is simply run again."""

    source: ImageSource
    using: str
    dry_run: bool = False
    # Called with the number of rows of each page.
    notify: Notify = lambda _count: None
    should_stop: Callable[[], bool] = lambda: False
    counts: SyncCounts = field(default_factory=SyncCounts)

    def run(self) -> SyncCounts:
        for files in self._files_out_of_step():
            self._write(partial(Registration.attach, files=files))
            self.notify(len(files))
            if self.should_stop():
                return self.counts
        for ids in self._ids_without_a_row():
            self._write(partial(Registration.detach, source_ids=ids))
            self.notify(len(ids))
            if self.should_stop():
                return self.counts
        return self.counts

    def _write(self, change: Callable[[Registration], SyncCounts]) -> None:
        registration = Registration(self.source, self.using, dry_run=self.dry_run)
        if self.dry_run:
            self.counts.add(change(registration))
            return
        for tries in range(1, MAX_TRIES + 1):
            try:
                with exclusive_transaction(self.using, SYNC_LOCK):
                    counts = change(registration)
            except IntegrityError:
                if tries == MAX_TRIES:
                    raise
            else:
                self.counts.add(counts)
                return

    def _files_out_of_step(self) -> Iterator[list[OwnedFile]]:
        rows = self._rows()
        if self._in_one_database:
            rows = self._without_registered(rows)
        pages = self._pages_of_instances(rows) if self.source.needs_instances else self._pages_of_values(rows)
        return (page for page in pages if page)

    def _rows(self) -> QuerySet[Any]:
        """The rows that take part and have a file."""
        name = self.source.field.attname
        rows = self.source.rows().using(self._source_using)
        return rows.exclude(**{name: ""}).filter(**{f"{name}__isnull": False})

    def _without_registered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        key = key_as_text(self.source.model, self._source_using)
        rows = rows.alias(hashing_key=key)
        owner = {**self._owner, "source_id": OuterRef("hashing_key")}
        name = OuterRef(self.source.field.attname)
        own = ImageAsset._base_manager.using(self.using).filter(**owner, image=name)
        shared = CoOwner._base_manager.using(self.using).filter(**owner, asset__image=name)
        return rows.filter(~Exists(own), ~Exists(shared))

    def _pages_of_values(self, rows: QuerySet[Any]) -> Iterator[list[OwnedFile]]:
        storage, age_field = self.source.field.storage, self.source.age_field
        fields = (self.source.field.attname, *([age_field] if age_field else []))
        for page in pages_by_key(rows, fields, PAGE):
            yield [OwnedFile(str(pk), name, storage, *age) for pk, name, *age in page]

    def _pages_of_instances(self, rows: QuerySet[Any]) -> Iterator[list[OwnedFile]]:
        rows = left = in_key_order(rows)
        page: list[Any]
        while page := retry_transient(partial(list, left[:PAGE]), rows.db):
            yield list(filter(None, map(self._file_of, page)))
            left = rows.filter(pk__gt=page[-1].pk)

    def _file_of(self, row: Any) -> OwnedFile | None:
        try:
            return self.source.file_of(row)
        # Methods of the site's own, which may fail for one row: the others must not wait for it.
        except Exception:
            logger.exception("A row is left out: %s", printable(str(self.source.key_of(row))))
            self.counts.left_out += 1
            return None

    def _ids_without_a_row(self) -> Iterator[list[str]]:
        # Co-owners first: an asset whose owner is gone must not pass to one that is gone as well.
        for model in (CoOwner, ImageAsset):
            owned = model._base_manager.using(self.using).filter(**self._owner)
            if self._in_one_database:
                owned = owned.alias(hashing_key=text_as_key(F("source_id"), self.source.model, self.using))
                owned = owned.filter(~Exists(self._rows().filter(pk=OuterRef("hashing_key"))))
            for page in pages_by_key(owned, ("source_id",), PAGE):
                ids = [source_id for _, source_id in page]
                yield ids if self._in_one_database else self._missing(ids)

    def _missing(self, ids: Iterable[str]) -> list[str]:
        pks = {source_id: self.source.parse_pk(source_id) for source_id in ids}
        known = [pk for pk in pks.values() if pk is not None]
        there = set(self._rows().filter(pk__in=known).values_list("pk", flat=True))
        return [source_id for source_id, pk in pks.items() if pk not in there]

    @property
    def _owner(self) -> dict[str, str]:
        return {"source_type": self.source.source_type, "source_field": self.source.source_field}

    @property
    def _source_using(self) -> str:
        return source_database(self.source, self.using)

    @property
    def _in_one_database(self) -> bool:
        return self._source_using == self.using
