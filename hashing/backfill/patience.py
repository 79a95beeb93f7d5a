"""A run that waits while the storage or the database is away, as a worker does that has nothing else to do."""

from __future__ import annotations

import time
from typing import Any

from hashing.backfill.engine import Backfill
from hashing.backfill.options import BackfillOptions
from hashing.backfill.report import BackfillReport
from hashing.backfill.run_record import RunRecord
from hashing.db.retry import drop_dead_connection
from hashing.querysets import ImageAssetQuerySet

# Otherwise, it would take one range after the other from the queue, and fail them all.
PAUSES = (5, 10, 20, 30)


def run_with_patience(rows: ImageAssetQuerySet[Any], options: BackfillOptions, **labels: Any) -> BackfillReport:
    """A backfill of `rows` that is tried again for about a minute. `labels` are for its record (`BackfillRun`)."""
    whole = BackfillReport()
    with RunRecord(rows, options, **labels) as record:
        for pause in (*PAUSES, 0):
            whole.add(Backfill(options, rows, progress=record).run())
            record.set_result(whole)
            if not whole.stopped:
                break
            _wait(pause, record)
            drop_dead_connection(rows.db)
    return whole


def _wait(seconds: int, record: RunRecord) -> None:
    for _ in range(seconds):
        time.sleep(1)
        record.tick()
