from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from django.db import IntegrityError, router

from hashing.db.transactions import exclusive_transaction
from hashing.indexing.comparison import SourceComparison
from hashing.indexing.registration import Registration, SyncCounts
from hashing.models.image_asset import ImageAsset
from hashing.sources.registry import all_sources, find_sources
from hashing.sources.source import ImageSource

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

    `notify` is called after each page with the number of its rows that differed. Raises `UnknownSource`.
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
