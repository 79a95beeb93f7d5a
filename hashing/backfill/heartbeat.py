from __future__ import annotations

import logging
import os
import socket
import time
from functools import partial
from types import TracebackType
from typing import Any, Self

from django.db import DatabaseError, InterfaceError, transaction

from hashing.backfill.engine import ProgressListener
from hashing.backfill.options import BackfillOptions
from hashing.backfill.report import BackfillReport
from hashing.db.clock import Now
from hashing.db.retry import retry_transient
from hashing.log_events import LogEvent, error_kind, log_event
from hashing.models.backfill_runs import BackfillRun
from hashing.models.querysets import ImageAssetQuerySet
from hashing.text import first_line

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_WRITES = 3.0


class Heartbeat:
    """Records in a `BackfillRun`, every few seconds, that a run is alive and how far it is.

    A `ProgressListener` that forwards everything to `listener`. Leaving the block ends the record. A record that cannot
    be written is logged, and does not stop the run.
    """

    def __init__(
        self,
        rows: ImageAssetQuerySet[Any],
        options: BackfillOptions,
        listener: ProgressListener | None = None,
        *,
        batch_id: str = "",
        shard_number: int | None = None,
    ) -> None:
        self._alias, self._listener = rows.db, listener
        self._labels = {
            "worker": f"{socket.gethostname()}:{os.getpid()}",
            "model_label": (", ".join(options.sources) or rows.model._meta.label)[:255],
            "batch_id": batch_id,
            "shard_number": shard_number,
            "start_pk": key_text(options.start_pk),
            "end_pk": key_text(options.end_pk),
        }
        self._run_pk: Any = None
        self._total = self._processed = self._failed = 0
        self._last_write = time.monotonic()
        self._started: float | None = None
        self.stopped = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.stopped = f"{type(error).__name__}: {error}"
        if self._run_pk is not None:
            self._write(ended_at=Now())
        if self._started is not None:
            self._log_end(time.monotonic() - self._started)

    def begin(self, total: int) -> None:
        """Start counting. When the run is retried, `total` is what is left of it."""
        if self._listener:
            self._listener.begin(total)
        self._total = max(self._total, self._processed + self._failed + total)
        self._write()
        if self._started is None:
            self._started = time.monotonic()
            message, run = "Backfill of %d images", self._run_pk
            log_event(logger, LogEvent.BACKFILL_STARTED, message, total, run=run, total=total, database=self._alias)

    def advance(self, *, failed: bool) -> None:
        if self._listener:
            self._listener.advance(failed=failed)
        self._failed += failed
        self._processed += not failed

    def tick(self) -> None:
        if self._listener:
            self._listener.tick()
        if time.monotonic() - self._last_write >= SECONDS_BETWEEN_WRITES:
            self._write()

    def set_result(self, report: BackfillReport) -> None:
        """Replace the counts, which include rows that were not written in the end."""
        self._total, self._processed, self._failed = report.total, report.processed, report.failed
        self.stopped = report.stopped

    def _log_end(self, seconds: float) -> None:
        log_event(
            logger,
            LogEvent.BACKFILL_ENDED,
            "Backfill ended: %d of %d hashed, %d failed",
            self._processed,
            self._total,
            self._failed,
            run=self._run_pk,
            database=self._alias,
            status="stopped" if self.stopped else "completed",
            total=self._total,
            processed=self._processed,
            failed=self._failed,
            seconds=round(seconds, 3),
        )

    def _write(self, **values: Any) -> None:
        self._last_write = time.monotonic()
        counts = {"total": self._total, "processed": self._processed, "failed": self._failed}
        values = {**counts, "stopped": self.stopped, "heartbeat_at": Now(), **values}
        try:
            # One quick retry: the run must not wait for its record.
            retry_transient(partial(self._save, values), self._alias, pauses=(0,))
        except (DatabaseError, InterfaceError) as error:
            message, reason, kind = "How far this run is cannot be recorded: %s", first_line(error), error_kind(error)
            event = LogEvent.HEARTBEAT_FAILED
            log_event(logger, event, message, reason, run=self._run_pk, error_kind=kind)

    def _save(self, values: dict[str, Any]) -> None:
        runs = BackfillRun.objects.using(self._alias)
        # Inside a caller's transaction this is a savepoint, so that a failure does not break that transaction.
        with transaction.atomic(using=self._alias):
            if self._run_pk is not None:
                runs.filter(pk=self._run_pk).update(**values)
                return
            pk = runs.create(started_at=Now(), **self._labels, **values).pk
        self._run_pk = pk
        runs.delete_outdated()


def key_text(key: Any) -> str:
    return "" if key is None else str(key)[:255]
