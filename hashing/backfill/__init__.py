"""Compute perceptual hashes for the rows that have none.

pending        which rows, in which order
writer      outcome to row
outage      tells one missing file from a storage that is gone
engine      joins them with the workers, hashing.workers
report      what came of it
run_record  how far it is, for those who watch
patience    a run that waits while the storage or the database is away
key_ranges  cuts the rows into ranges for many machines
range_job   one such range, as any queue can carry it
monitor waits until they are all done
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError

from hashing.backfill.engine import Backfill, ProgressListener, bound_rows
from hashing.backfill.heartbeat import Heartbeat
from hashing.backfill.options import BackfillOptions
from hashing.backfill.report import BackfillReport, BackfillResult
from hashing.backfill.sharding.shard import Shard, hash_shard, split_into_shards
from hashing.db.own_thread import run_in_own_thread
from hashing.indexing.sync import sync_sources
from hashing.models.querysets import ImageAssetQuerySet
from hashing.text import first_line

__all__ = [
    "Backfill",
    "BackfillOptions",
    "BackfillReport",
    "BackfillResult",
    "Shard",
    "abackfill_perceptual_hashes",
    "backfill_perceptual_hashes",
    "hash_shard",
    "run_backfill",
    "split_into_shards",
]


def backfill_perceptual_hashes(
    batch_size: int = 500,
    limit: int | None = None,
    *,
    queryset: ImageAssetQuerySet[Any] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **options: Any,
) -> BackfillResult:
    """Hash every row of `queryset` (by default all image assets) that has no hash, and write it to the database.

    Without a `queryset`, new files of the site's sources are registered first.

    `batch_size` rows are written at a time and at most `limit` are tried. `options` are the other fields of
    `BackfillOptions`. `should_stop` is asked between images; once true, what is done is written and the run ends.

    Returns `status` ("completed", or "partial" when the run ended before the end of its list), `total` (rows to do),
    `processed` (hashed), `failed`, and `errors` (the first 10, the reason of a partial run before them). A failure
    is no exception: it is on the row, in `hash_error`. Raises `ValueError` for options that make no sense.
    """
    chosen = BackfillOptions(batch_size=batch_size, limit=limit, **options)
    if queryset is None and not chosen.dry_run:
        try:
            sync_sources(chosen.sources, using=chosen.using, should_stop=should_stop or (lambda: False))
        except (DatabaseError, InterfaceError) as error:
            return BackfillReport(stopped=f"The sources cannot be read: {first_line(error)}").as_dict()
    return run_backfill(chosen, queryset, should_stop=should_stop).as_dict()


def run_backfill(
    options: BackfillOptions,
    queryset: ImageAssetQuerySet[Any] | None = None,
    *,
    should_stop: Callable[[], bool] | None = None,
    progress: ProgressListener | None = None,
) -> BackfillReport:
    """A run of which others can see, in the admin and elsewhere, how far it is."""
    rows = bound_rows(queryset, options)
    if options.dry_run:
        return Backfill(options, rows, should_stop=should_stop, progress=progress).run()
    with Heartbeat(rows, options, progress) as record:
        report = Backfill(options, rows, should_stop=should_stop, progress=record).run()
        record.set_result(report)
    return report


async def abackfill_perceptual_hashes(
    batch_size: int = 500,
    limit: int | None = None,
    *,
    queryset: ImageAssetQuerySet[Any] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **options: Any,
) -> BackfillResult:
    """`backfill_perceptual_hashes` for async code, in a thread of its own.

    When it is cancelled, the run ends as soon as `should_stop` would end it, and what is done is written.
    """
    cancelled = threading.Event()

    def stop() -> bool:
        return cancelled.is_set() or (should_stop is not None and should_stop())

    run = partial(backfill_perceptual_hashes, batch_size, limit, queryset=queryset, should_stop=stop, **options)
    return await run_in_own_thread(run, stop=cancelled.set)
