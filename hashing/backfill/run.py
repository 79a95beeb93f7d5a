from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from hashing.backfill.engine import Backfill, ProgressListener
from hashing.backfill.heartbeat import Heartbeat
from hashing.backfill.options import BackfillOptions
from hashing.backfill.pending_rows import FILE_FIELDS, StoredFile, target_rows
from hashing.backfill.report import BackfillReport
from hashing.db.retry import drop_dead_connection
from hashing.fingerprint.limits import DecodingLimit
from hashing.log_events import LogEvent, log_event
from hashing.models.hash_fields import HASH_FIELDS
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.signals import upload_tried

logger = logging.getLogger(__name__)

# Seconds before each further attempt.
RETRY_PAUSES = (5, 10, 20, 30)


def run_backfill(
    options: BackfillOptions,
    queryset: ImageAssetQuerySet[Any] | None = None,
    *,
    should_stop: Callable[[], bool] | None = None,
    progress: ProgressListener | None = None,
    batch_id: str = "",
    shard_number: int | None = None,
    retry: bool = False,
) -> BackfillReport:
    """Hash the pending rows of `queryset`, and show the run in the admin by its heartbeat unless it is a dry run.

    With `retry`, wait about a minute for a storage or a database that is down: a worker that gave up would take one
    shard after the other from the queue and fail them all.
    """
    rows = target_rows(queryset, options)
    if options.dry_run:
        return Backfill(options, rows, should_stop=should_stop, progress=progress).run()
    report = BackfillReport()
    with Heartbeat(rows, options, progress, batch_id=batch_id, shard_number=shard_number) as heartbeat:
        for pause in (*RETRY_PAUSES, 0) if retry else (0,):
            report.add(Backfill(options, rows, should_stop=should_stop, progress=heartbeat).run())
            heartbeat.set_result(report)
            if not report.stopped or report.interrupted or not pause:
                break
            wait(pause, heartbeat)
            drop_dead_connection(rows.db)
    return report


def wait(seconds: int, heartbeat: Heartbeat) -> None:
    for _ in range(seconds):
        time.sleep(1)
        heartbeat.tick()


def hash_row(pk: Any, name: str, using: str) -> dict[str, Any]:
    """Hash the file `name` of one row within the limits of a page, and return the fields that were written.

    None are written when the row has another file by now or is deleted, and, with a line in the log, when the storage
    or the database is unavailable. Raise `DecodingLimit` when the file is too much for these limits; the row stays
    pending.
    """
    # Not the default manager of the model, which may hide rows.
    rows = ImageAssetQuerySet[Any](ImageAsset, using=using).filter(pk=pk)
    files = [StoredFile.of(row) for row in rows.filter(image=name).values_list("pk", *FILE_FIELDS)]
    begun = time.monotonic()
    report = Backfill(BackfillOptions(workers=1), rows, for_page=True).run(files)
    note_upload(pk, using, report, time.monotonic() - begun)
    if report.deferred:
        raise DecodingLimit(report.deferred)
    return rows.values(*HASH_FIELDS).first() or {} if report.processed or report.failed else {}


def note_upload(pk: Any, using: str, report: BackfillReport, seconds: float) -> None:
    if report.processed:
        message, seconds = "Image %s is hashed", round(seconds, 3)
        log_event(logger, LogEvent.UPLOAD_HASHED, message, pk, asset=pk, database=using, seconds=seconds)
    upload_tried.send(ImageAsset, seconds=seconds)
