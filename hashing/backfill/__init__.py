from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError

from hashing.backfill.engine import Backfill
from hashing.backfill.options import BackfillOptions
from hashing.backfill.report import BackfillReport, BackfillResult
from hashing.backfill.run import run_backfill
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
    """Hash every row of `queryset` (by default all image assets) that has no hash.

    Without a `queryset`, new files of the site's sources are registered first. At most `limit` rows are tried, and
    `batch_size` are written at a time. `options` are the other fields of `BackfillOptions`. `should_stop` is called
    between images; when it returns true, finished work is written and the run ends.

    Return `status` ("completed", or "partial" when the run stopped early), `total` (rows to hash), `processed`
    (hashed), `failed`, and `errors` (the first 10, preceded by the reason of a partial run). An image that cannot be
    hashed raises nothing: the reason is in its `hash_error`. Raise `ValueError` for invalid options.
    """
    chosen = BackfillOptions(batch_size=batch_size, limit=limit, **options)
    if queryset is None and not chosen.dry_run:
        try:
            sync_sources(chosen.sources, using=chosen.using, should_stop=should_stop or (lambda: False))
        except (DatabaseError, InterfaceError) as error:
            return BackfillReport(stopped=f"The sources cannot be read: {first_line(error)}").as_dict()
    return run_backfill(chosen, queryset, should_stop=should_stop).as_dict()


async def abackfill_perceptual_hashes(
    batch_size: int = 500,
    limit: int | None = None,
    *,
    queryset: ImageAssetQuerySet[Any] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **options: Any,
) -> BackfillResult:
    """Run `backfill_perceptual_hashes` in its own thread.

    Cancelling the task stops the run like `should_stop`: finished work is written.
    """
    cancelled = threading.Event()

    def stop() -> bool:
        return cancelled.is_set() or (should_stop is not None and should_stop())

    run = partial(backfill_perceptual_hashes, batch_size, limit, queryset=queryset, should_stop=stop, **options)
    return await run_in_own_thread(run, stop=cancelled.set)
