"""The backfill: reads the to-do list, keeps the workers busy, writes what they return. Knows nothing of a terminal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol

from django.core.files.storage import Storage
from django.db import DatabaseError, InterfaceError, router

from hashing.backfill.options import BackfillOptions
from hashing.backfill.pending_rows import PendingRows, StoredFile, make_job
from hashing.backfill.report import BackfillReport
from hashing.backfill.storage_probe import StorageProbes
from hashing.backfill.writer import DatabaseUnavailable, OutcomeWriter
from hashing.conf import hashing_settings
from hashing.db.clock import DatabaseClock
from hashing.db.retry import retry_transient
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.registry import all_sources
from hashing.sources.storages import UnknownStorage, find_storages, is_shared, reference_to, storages_in_use
from hashing.stored_files.availability import StorageUnavailable, is_local
from hashing.text import first_line, printable
from hashing.workers.pool import HashingPool, InProcessPool, WorkersLost
from hashing.workers.worker import Job, Outcome

logger = logging.getLogger(__name__)

Pool = HashingPool | InProcessPool

# How long to wait for a worker before asking again whether to stop, in seconds.
POLL_SECONDS = 0.2
# So many files that were not read lead to a look at the storage, however long a batch takes to fill.
MAX_UNCERTAIN = 16


class ProgressListener(Protocol):
    """Hears how many rows there are to do, of every one that was tried, before it is written, and that time passes."""

    def begin(self, total: int) -> None: ...

    def advance(self, *, failed: bool) -> None: ...

    def tick(self) -> None: ...


class FileInHand(NamedTuple):
    job: Job
    version: int
    storage: Storage | None


class Backfill:
    """One run over `queryset`, by default all image assets.

    `in_process` saves the start of worker processes, for a row or two: there is no time limit then.
    """

    def __init__(
        self,
        options: BackfillOptions,
        queryset: ImageAssetQuerySet[Any] | None = None,
        *,
        should_stop: Callable[[], bool] | None = None,
        progress: ProgressListener | None = None,
        in_process: bool = False,
    ) -> None:
        self._options = options
        self._in_process = in_process
        self._rows = rows = bound_rows(queryset, options)
        model, alias = rows.model, rows.db
        self._clock = DatabaseClock(alias)
        self._writer = OutcomeWriter(model, alias, self._clock.now)
        self._watches = StorageProbes(ImageAssetQuerySet(ImageAsset, using=alias))
        self._should_stop = should_stop or (lambda: False)
        self._progress = progress
        self._batch: list[Outcome] = []
        # Files that the storage did not give while it was there, or back already: once more, before it is believed.
        self._doubts = 0
        self._again: list[Job] = []
        self._second_tries: set[Any] = set()
        # What was handed to the workers and is not yet written, by key and in that order.
        self._in_hand: dict[Any, FileInHand] = {}
        self.report = BackfillReport()

    def run(self) -> BackfillReport:
        """Hash until the list is done, `should_stop` is true, or the storage or the database is gone."""
        try:
            pending = self._read_list()
            if self.report.total:
                self._hash_all(pending)
        except (StorageUnavailable, DatabaseUnavailable, WorkersLost) as reason:
            self.report.stopped = first_line(reason)
        except (DatabaseError, InterfaceError) as error:
            self.report.stopped = f"The database cannot be read: {first_line(error)}"
        if self.report.stopped:
            self.report.resume_pk = next(iter(self._in_hand), None)
            level = logging.INFO if self.report.interrupted else logging.ERROR
            logger.log(level, "Backfill stopped: %s", self.report.stopped)
        return self.report

    def _read_list(self) -> PendingRows:
        pending = PendingRows(self._rows, self._options, self._clock.now)
        self.report.total = retry_transient(lambda: len(pending), self._rows.db)
        if self._progress:
            self._progress.begin(self.report.total)
        return pending

    def _hash_all(self, pending: PendingRows) -> None:
        jobs = (job for page in pending.pages() for job in self._jobs(page))
        with self._make_pool() as pool:
            try:
                self._hash_and_write(pool, jobs)
                # From the last batches; a second try is the last one.
                self._hash_and_write(pool, iter(()))
            finally:
                # After Ctrl-C and the like too: what is hashed is saved.
                self._write_batch()

    def _make_pool(self) -> Pool:
        limits, used = hashing_settings(), storages_in_use()
        hidden = not all(map(is_shared, used))
        if hidden:
            logger.info("Other processes cannot see all of the files, so they are hashed here.")
        if self._in_process or hidden:
            return InProcessPool(self._storage_of, limits.MAX_PIXELS, limits.MAX_BYTES)
        workers = min(self._options.workers, self.report.total)
        remote = [storage for storage in used if not is_local(storage)]
        if any(source.storage_differs for source in all_sources()):
            # Any one of them: it makes the workers set Django up before they get files.
            remote = remote or used[:1]
        storages = [reference for reference in map(reference_to, remote) if reference]
        return HashingPool(workers, self._options.timeout, limits.MAX_PIXELS, limits.MAX_BYTES, storages)

    def _jobs(self, files: list[StoredFile]) -> Iterator[Job]:
        found = find_storages({file.source for file in files}, self._rows.db)
        for file in files:
            storage = found.get(file.source)
            if storage is None:
                job = Job(file.pk, file.name, refusal=f"LookupError: {UnknownStorage(file.source)}")
            else:
                job = make_job(storage, file.pk, file.name, local=is_local(storage))
            self._in_hand[file.pk] = FileInHand(job, file.version, storage)
            yield job

    def _storage_of(self, pk: Any) -> Storage | None:
        return self._in_hand[pk].storage

    def _hash_and_write(self, pool: Pool, jobs: Iterator[Job]) -> None:
        for outcome in self._outcomes(pool, jobs):
            self._take(outcome)
        self._write_batch()

    def _outcomes(self, pool: Pool, jobs: Iterator[Job]) -> Iterator[Outcome]:
        more = True
        while more or not pool.is_idle:
            if self._should_stop():
                self._note_interruption()
                return
            while more and pool.has_room:
                more = self._submit(pool, self._next_jobs(jobs, pool.chunk_size))
            for outcome in pool.outcomes(wait=POLL_SECONDS):
                # Who stops a service sends the signal to its workers too, and their images are not at fault.
                if outcome.error and self._should_stop():
                    self._note_interruption()
                else:
                    yield outcome
            if self._progress:
                self._progress.tick()

    def _next_jobs(self, jobs: Iterator[Job], count: int) -> list[Job]:
        # One by one: together, they may have been too much for the storage.
        again, self._again = self._again[:1], self._again[1:]
        return again or list(islice(jobs, count))

    def _note_interruption(self) -> None:
        self.report.stopped, self.report.interrupted = "Interrupted", True

    def _submit(self, pool: Pool, chunk: list[Job]) -> bool:
        if chunk:
            pool.submit(chunk)
        return bool(chunk)

    def _take(self, outcome: Outcome) -> None:
        if self._is_uncertain(outcome):
            self._doubts += 1
        elif self._progress:
            self._progress.advance(failed=bool(outcome.error))
        self._batch.append(outcome)
        if len(self._batch) >= self._options.batch_size or self._doubts >= MAX_UNCERTAIN:
            self._write_batch()

    def _write_batch(self) -> None:
        batch, self._batch, self._doubts = self._batch, [], 0
        outage = self._watches.find_outage([(self._storage_of(each.pk), each) for each in batch])
        if outage:
            batch = [outcome for outcome in batch if not outcome.unread]
        batch = self._without_uncertain(batch)
        if batch:
            self._count(
                batch
                if self._options.dry_run
                else self._writer.write(batch, {each.pk: self._in_hand[each.pk].version for each in batch})
            )
        for outcome in batch:
            self._in_hand.pop(outcome.pk, None)
        if outage:
            raise outage

    def _is_uncertain(self, outcome: Outcome) -> bool:
        """Whether another try may tell: the storage has not said that there is no such file, but failed; or the
        process died, as it does too when somebody ends a service with all of its processes."""
        doubtful = outcome.died or (outcome.unread and not outcome.missing)
        return doubtful and outcome.pk not in self._second_tries

    def _without_uncertain(self, batch: list[Outcome]) -> list[Outcome]:
        uncertain = [outcome for outcome in batch if self._is_uncertain(outcome)]
        certain = [outcome for outcome in batch if not self._is_uncertain(outcome)]
        self._second_tries.difference_update(outcome.pk for outcome in certain)
        self._second_tries.update(outcome.pk for outcome in uncertain)
        self._again += [self._in_hand[outcome.pk].job for outcome in uncertain]
        return certain

    def _count(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.error:
                logger.warning("Asset %s: %s", outcome.pk, printable(outcome.error))
                self.report.count_failed(outcome.pk, printable(outcome.error))
            else:
                self.report.count_hashed()
        logger.info("%d of %d done, %d failed", self.report.processed, self.report.total, self.report.failed)


def bound_rows(queryset: ImageAssetQuerySet[Any] | None, options: BackfillOptions) -> ImageAssetQuerySet[Any]:
    """The rows that a backfill is about, by default all image assets, in the database that it is to work on.

    Raises `ValueError` for other rows, and for querysets that cannot be filtered and paged by key.
    """
    rows = ImageAsset.objects.all() if queryset is None else queryset
    if not issubclass(rows.model, ImageAsset):
        raise ValueError(f"{rows.model.__name__} has no hashes: a backfill takes image assets.")  # noqa: TRY004
    _refuse_unfit(rows)
    if options.sources:
        rows = rows.of_sources(options.sources)
    return rows.using(options.using or rows.chosen_database or router.db_for_write(rows.model))


def _refuse_unfit(rows: ImageAssetQuerySet[Any]) -> None:
    """Raise `ValueError` for what is no plain queryset of rows, each of them once."""
    if not isinstance(rows, ImageAssetQuerySet):
        raise ValueError(f"A backfill takes a ImageAssetQuerySet, not a {type(rows).__name__}.")  # noqa: TRY004
    query = rows.query
    unfit = {
        "is sliced; use limit": query.is_sliced,
        f"is a {query.combinator}()": query.combinator,
        "has values() or values_list()": query.values_select or query.annotation_select_mask is not None,
        "is distinct(); use filter(pk__in=...)": query.distinct,
        "locks its rows (select_for_update)": query.select_for_update,
    }
    for what, found in unfit.items():
        if found:
            raise ValueError(f"A backfill takes a plain queryset; this one {what}.")
