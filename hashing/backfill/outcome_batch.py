from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.core.files.storage import Storage

from hashing.backfill.options import BackfillOptions
from hashing.backfill.report import BackfillReport
from hashing.backfill.storage_probe import StorageProbes
from hashing.backfill.writer import OutcomeWriter
from hashing.log_events import LogEvent, error_kind, log_event
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.signals import images_tried
from hashing.text import printable
from hashing.workers.worker import Job, Outcome

logger = logging.getLogger(__name__)

# This many uncertain outcomes are written, after probing the storage, however long a batch takes to fill.
MAX_UNCERTAIN = 16


class FileInProgress(NamedTuple):
    job: Job
    version: int
    storage: Storage | None


# By key, in the order of the list: files that were given to workers and are not written yet.
FilesInProgress = dict[Any, FileInProgress]


class OutcomeBatch:
    """Collects outcomes and writes them a batch at a time, removing them from `files`.

    An outcome is uncertain when the storage failed without reporting the file as missing, or when the worker died,
    which also happens when a service is stopped with all of its processes. Such a file is tried a second time before
    its error is recorded.
    """

    def __init__(
        self,
        rows: ImageAssetQuerySet[Any],
        options: BackfillOptions,
        clock: Callable[[], datetime],
        files: FilesInProgress,
        report: BackfillReport,
    ) -> None:
        self._options, self._files, self._report = options, files, report
        self._writer = OutcomeWriter(rows.model, rows.db, clock)
        self._probes = StorageProbes(ImageAssetQuerySet(ImageAsset, using=rows.db))
        self._outcomes: list[Outcome] = []
        self._uncertain = 0
        self._retries: list[Job] = []
        self._retried: set[Any] = set()

    def is_uncertain(self, outcome: Outcome) -> bool:
        failed = outcome.died or (outcome.unread and not outcome.missing)
        return failed and outcome.pk not in self._retried

    def add(self, outcome: Outcome) -> None:
        """Write the batch when it is full. Raise what `write` raises."""
        self._uncertain += self.is_uncertain(outcome)
        self._outcomes.append(outcome)
        if len(self._outcomes) >= self._options.batch_size or self._uncertain >= MAX_UNCERTAIN:
            self.write()

    def next_retry(self) -> list[Job]:
        """Return one file to try again, or none. Together, they may have been too much for the storage."""
        jobs, self._retries = self._retries[:1], self._retries[1:]
        return jobs

    def write(self) -> None:
        """Write what was collected, and count it. Raise `StorageUnavailable` and `DatabaseUnavailable`."""
        outcomes, self._outcomes, self._uncertain = self._outcomes, [], 0
        outage = self._probes.find_outage([(self._files[each.pk].storage, each) for each in outcomes])
        if outage:
            outcomes = [outcome for outcome in outcomes if not outcome.unread]
        outcomes = self._without_uncertain(outcomes)
        if outcomes and not self._options.dry_run:
            versions = {each.pk: self._files[each.pk].version for each in outcomes}
            self._count(self._writer.write(outcomes, versions))
        elif outcomes:
            self._count(outcomes)
        for outcome in outcomes:
            self._files.pop(outcome.pk, None)
        if outage:
            raise outage

    def _without_uncertain(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        certain = []
        for outcome in outcomes:
            if self.is_uncertain(outcome):
                self._retried.add(outcome.pk)
                self._retries.append(self._files[outcome.pk].job)
            else:
                self._retried.discard(outcome.pk)
                certain.append(outcome)
        return certain

    def _count(self, outcomes: Iterable[Outcome]) -> None:
        report = self._report
        before = report.processed, report.failed
        for outcome in outcomes:
            if outcome.error:
                error, pk = printable(outcome.error), outcome.pk
                event, kind = LogEvent.IMAGE_FAILED, "FileNotFoundError" if outcome.missing else error_kind(error)
                log_event(logger, event, "Asset %s: %s", pk, error, asset=pk, error_kind=kind)
                report.count_failed(pk, error)
            else:
                report.count_hashed()
        self._note_progress()
        if not self._options.dry_run:
            hashed, failed = report.processed - before[0], report.failed - before[1]
            images_tried.send(ImageAsset, hashed=hashed, failed=failed)

    def _note_progress(self) -> None:
        processed, total, failed = self._report.processed, self._report.total, self._report.failed
        message, event = "%d of %d done, %d failed", LogEvent.BATCH_COUNTED
        values = (processed, total, failed)
        log_event(logger, event, message, *values, processed=processed, total=total, failed=failed)
