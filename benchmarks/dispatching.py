"""What it costs to cut a to-do list into key ranges, and to watch them, on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.queries_counted import queries_counted
from benchmarks.table import print_table
from benchmarks.unhashed_rows import fill

if TYPE_CHECKING:
    from hashing.backfill import Shard

CUT_HEADS = ["to-do list", "rows", "ranges", "seconds", "queries", "index entries walked"]
LOOK_HEADS = ["ranges", "of them moved", "queries a look", "ms a look", "of them waiting for the database"]
LOOKS = 9


class Unseen:
    """A progress that nobody sees."""

    def begin(self, total: int) -> None: ...

    def update(self, done: int, *, failed: int, workers: int | None) -> None: ...

    def tick(self) -> None: ...


def print_dispatching(rows: int) -> None:
    fill(rows)
    cut = [measure_cutting("never tried", rows, rehash=False), measure_cutting("all, with --rehash", rows, rehash=True)]
    print_table("Cutting, PostgreSQL", CUT_HEADS, cut)
    shards = _shards(rehash=False)
    looks = [measure_looks(shards, moved) for moved in (0, 8, 64)]
    # As many ranges as a billion rows make: the same ones, over and over.
    many = [replace(shard, number=number) for number, shard in enumerate(shards * (500_000 // len(shards)))]
    print_table(
        "Looks of the watcher, PostgreSQL", LOOK_HEADS, [*looks, measure_looks(many, 0), measure_looks(many, 64)]
    )


def measure_cutting(label: str, rows: int, *, rehash: bool) -> list[object]:
    before = _entries_walked()
    with queries_counted() as queries:
        began = time.perf_counter()
        shards = _shards(rehash=rehash)
        seconds = time.perf_counter() - began
    return [label, f"{rows:,}", f"{len(shards):,}", seconds, f"{queries.number:,}", f"{_entries_walked() - before:,}"]


def measure_looks(shards: Sequence[Shard], moved: int) -> list[object]:
    """Medians of some looks, before each of which the records of `moved` ranges have changed."""
    from hashing.backfill.sharding.monitor import ShardMonitor

    watch = ShardMonitor(shards, _nowhere, 3600, progress=Unseen(), should_stop=lambda: False, notify=_nowhere)
    runs = _begin_runs(shards, moved)
    watch.poll_once()
    times, waits, numbers = [], [], []
    for _ in range(LOOKS):
        runs.update(heartbeat_at=_now())
        with queries_counted() as queries:
            began = time.perf_counter()
            watch.poll_once()
            times.append(time.perf_counter() - began)
        waits.append(queries.seconds)
        numbers.append(queries.number)
    runs.delete()
    return [f"{len(shards):,}", moved, median(numbers), 1000 * median(times), 1000 * median(waits)]


def _shards(*, rehash: bool) -> list[Shard]:
    from hashing.backfill import BackfillOptions, split_into_shards

    return list(split_into_shards(BackfillOptions(rehash=rehash)))


def _begin_runs(shards: Sequence[Shard], number: int) -> Any:
    from hashing.models import BackfillRun

    moment = _now()
    BackfillRun.objects.bulk_create(
        BackfillRun(
            batch_id=shard.batch_id, shard_number=shard.number, total=shard.size, started_at=moment, heartbeat_at=moment
        )
        for shard in shards[:number]
    )
    return BackfillRun.objects.filter(batch_id=shards[0].batch_id)


def _now() -> Any:
    from django.utils import timezone

    return timezone.now()


def _nowhere(_what: object) -> None:
    pass


def _entries_walked() -> int:
    from django.db import connection

    from hashing.models import ImageAsset

    sql = "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = %s"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(sql, [ImageAsset._meta.db_table])
        return int(cursor.fetchone()[0])
