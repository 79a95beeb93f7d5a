from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from django.core.files.storage import Storage
from django.db import DatabaseError, InterfaceError

from hashing.backfill.options import BackfillOptions
from hashing.backfill.outcome_batch import FileInProgress, FilesInProgress, OutcomeBatch
from hashing.backfill.pending_rows import PendingRows, StoredFile, target_rows
from hashing.backfill.report import BackfillReport
from hashing.backfill.writer import DatabaseUnavailable
from hashing.conf import page_limits, worker_limits
from hashing.db.clock import DatabaseClock
from hashing.db.retry import retry_transient
from hashing.log_events import LogEvent, log_event
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.registry import all_sources
from hashing.sources.storages import find_storages, is_shared, reference_to, storages_in_use
from hashing.stored_files.availability import StorageUnavailable, is_local
from hashing.text import first_line
from hashing.workers.pool import DecoderPool, HashingPool, WorkersLost
from hashing.workers.storages import StorageReference
from hashing.workers.worker import Job, Outcome

logger = logging.getLogger(__name__)

# Seconds to wait for workers before checking again whether to stop.
POLL_SECONDS = 0.2

Pool = HashingPool | DecoderPool


class ProgressListener(Protocol):
    """Gets the number of rows to hash, every row that was tried (before it is written), and a regular tick."""

    def begin(self, total: int) -> None: ...

    def advance(self, *, failed: bool) -> None: ...

    def tick(self) -> None: ...


class Backfill:
    """Hashes the pending rows of `queryset`, by default of all image assets: reads the list, keeps the workers busy,
    and writes what they return.

    `for_page` keeps within the limits of a page, and leaves files that are too much for them as they are.
    """

    def __init__(
        self,
        options: BackfillOptions,
        queryset: ImageAssetQuerySet[Any] | None = None,
        *,
        should_stop: Callable[[], bool] | None = None,
        progress: ProgressListener | None = None,
        for_page: bool = False,
    ) -> None:
        self._options = options
        self._for_page = for_page
        self._rows = rows = target_rows(queryset, options)
        self._clock = DatabaseClock(rows.db)
        self._should_stop = should_stop or (lambda: False)
        self._progress = progress
        self.report = BackfillReport()
        self._files: FilesInProgress = {}
        self._batch = OutcomeBatch(rows, options, self._clock.now, self._files, self.report)

    def run(self, files: list[StoredFile] | None = None) -> BackfillReport:
        """Hash until the list is done, `should_stop` returns true, or the storage or the database is unavailable.

        The list is that of the pending rows unless `files` are given.
        """
        try:
            pages = self._list_pages(files)
            if self.report.total:
                self._hash_all(pages)
        except (StorageUnavailable, DatabaseUnavailable, WorkersLost) as reason:
            self.report.stopped = first_line(reason)
        except (DatabaseError, InterfaceError) as error:
            self.report.stopped = f"The database cannot be read: {first_line(error)}"
        if self.report.stopped:
            self._note_stop()
        return self.report

    def _note_stop(self) -> None:
        self.report.resume_pk = pk = next(iter(self._files), None)
        place = "" if pk is None else f" at asset {pk}"
        event = LogEvent.BACKFILL_INTERRUPTED if self.report.interrupted else LogEvent.BACKFILL_STOPPED
        log_event(logger, event, "Backfill stopped%s: %s", place, self.report.stopped, asset=pk)

    def _list_pages(self, files: list[StoredFile] | None) -> Iterable[list[StoredFile]]:
        if files is not None:
            self.report.total = len(files)
            return [files]
        pending = PendingRows(self._rows, self._options, self._clock.now)
        self.report.total = retry_transient(lambda: len(pending), self._rows.db)
        if self._progress:
            self._progress.begin(self.report.total)
        return pending.pages()

    def _hash_all(self, pages: Iterable[list[StoredFile]]) -> None:
        jobs = (job for page in pages for job in self._jobs(page))
        with self._make_pool() as pool:
            try:
                self._hash_and_write(pool, jobs)
                # The retries of the last batches.
                self._hash_and_write(pool, iter(()))
            finally:
                # Also after Ctrl-C: what is hashed is saved.
                self._batch.write()

    def _make_pool(self) -> Pool:
        if self._for_page:
            return DecoderPool(self._storage_of, page_limits(), defers=True)
        storages, limits = storages_in_use(), worker_limits(self._options.timeout)
        all_shared = all(map(is_shared, storages))
        if not all_shared:
            logger.info("Other processes cannot open some of the files, so all are read in this one.")
            return DecoderPool(self._storage_of, limits, defers=False)
        workers = min(self._options.workers, self.report.total)
        return HashingPool(
            workers,
            limits.seconds,
            limits.max_pixels,
            limits.max_bytes,
            storages_to_open(storages),
            limits.max_memory,
        )

    def _jobs(self, files: list[StoredFile]) -> Iterator[Job]:
        storages = find_storages({file.source for file in files}, self._rows.db)
        for file in files:
            storage = storages.get(file.source)
            job = file.job(storage)
            self._files[file.pk] = FileInProgress(job, file.version, storage)
            yield job

    def _storage_of(self, pk: Any) -> Storage | None:
        return self._files[pk].storage

    def _hash_and_write(self, pool: Pool, jobs: Iterator[Job]) -> None:
        for outcome in self._outcomes(pool, jobs):
            if self._progress and not self._batch.is_uncertain(outcome):
                self._progress.advance(failed=bool(outcome.error))
            self._batch.add(outcome)
        self._batch.write()

    def _outcomes(self, pool: Pool, jobs: Iterator[Job]) -> Iterator[Outcome]:
        has_more = True
        while has_more or not pool.is_idle:
            if self._should_stop():
                self._note_interruption()
                return
            while has_more and pool.has_room:
                chunk = self._batch.next_retry() or list(islice(jobs, pool.chunk_size))
                if has_more := bool(chunk):
                    pool.submit(chunk)
            for outcome in pool.outcomes(wait=POLL_SECONDS):
                # A signal that stops a service also reaches its workers; their images are not at fault.
                if outcome.error and self._should_stop():
                    self._note_interruption()
                elif outcome.deferred:
                    self._defer(outcome)
                else:
                    yield outcome
            if self._progress:
                self._progress.tick()

    def _defer(self, outcome: Outcome) -> None:
        message, pk = "Asset %s is left to the backfill: %s", outcome.pk
        log_event(logger, LogEvent.UPLOAD_DEFERRED, message, pk, outcome.deferred, asset=pk)
        self.report.deferred = outcome.deferred
        del self._files[outcome.pk]

    def _note_interruption(self) -> None:
        self.report.stopped, self.report.interrupted = "Interrupted", True


def storages_to_open(storages: Sequence[Storage]) -> list[StorageReference]:
    """Return references to the storages through which workers open files; none where all are plain local ones."""
    remote = [storage for storage in storages if not is_local(storage)]
    if any(source.storage_differs for source in all_sources()):
        # One is enough: it makes the workers set Django up before they get files.
        remote = remote or list(storages[:1])
    return [reference for reference in map(reference_to, remote) if reference]
