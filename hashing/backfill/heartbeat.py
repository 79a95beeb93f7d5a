"""Says in the database, every few seconds, that a run is under way and how far it is, for those who watch elsewhere."""

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
from hashing.models.querysets import ImageAssetQuerySet
from hashing.text import first_line

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_WRITES = 3.0


class Heartbeat:
    """A `ProgressListener` that also passes on what it hears to `shown`. A record that cannot be written stops no run.

    `labels` are further fields of `hashing.models.BackfillRun`. Leaving the block ends the record.
    """

    def __init__(
        self,
        rows: ImageAssetQuerySet[Any],
        options: BackfillOptions,
        shown: ProgressListener | None = None,
        **labels: Any,
    ) -> None:
        self._alias, self._shown = rows.db, shown
        self._labels = labels | {
            "worker": f"{socket.gethostname()}:{os.getpid()}",
            "model_label": (", ".join(options.sources) or rows.model._meta.label)[:255],
            "start_pk": _text(options.start_pk),
            "end_pk": _text(options.end_pk),
        }
        self._key: Any = None
        self._total = self._processed = self._failed = 0
        self._last_write = time.monotonic()
        self.stopped = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.stopped = f"{type(error).__name__}: {error}"
        if self._key is not None:
            self._write(ended_at=Now())

    def begin(self, total: int) -> None:
        """Start counting. Of a run that is taken up again, `total` is what it still has to do."""
        if self._shown:
            self._shown.begin(total)
        self._total = max(self._total, self._processed + self._failed + total)
        self._write()

    def set_result(self, report: BackfillReport) -> None:
        """Correct what was counted before it was written."""
        self._total, self._processed, self._failed = report.total, report.processed, report.failed
        self.stopped = report.stopped

    def advance(self, *, failed: bool) -> None:
        if self._shown:
            self._shown.advance(failed=failed)
        self._failed += failed
        self._processed += not failed

    def tick(self) -> None:
        if self._shown:
            self._shown.tick()
        if time.monotonic() - self._last_write >= SECONDS_BETWEEN_WRITES:
            self._write()

    def _write(self, **values: Any) -> None:
        self._last_write = time.monotonic()
        counts = {"total": self._total, "processed": self._processed, "failed": self._failed}
        values = {**counts, "stopped": self.stopped, "heartbeat_at": Now(), **values}
        try:
            # Soon or not at all: the run has better things to do than to wait for its record.
            retry_transient(partial(self._save, values), self._alias, pauses=(0,))
        except (DatabaseError, InterfaceError) as error:
            logger.warning("How far this run is cannot be recorded: %s", first_line(error))

    def _save(self, values: dict[str, Any]) -> None:
        # Not at the top: importing this module must not need the app registry.
        from hashing.models import BackfillRun

        runs = BackfillRun.objects.using(self._alias)
        # Inside a caller's transaction it is a savepoint, which leaves that transaction sound.
        with transaction.atomic(using=self._alias):
            if self._key is not None:
                runs.filter(pk=self._key).update(**values)
                return
            key = runs.create(started_at=Now(), **self._labels, **values).pk
        self._key = key
        runs.delete_outdated()


def _text(key: Any) -> str:
    return "" if key is None else str(key)[:255]
