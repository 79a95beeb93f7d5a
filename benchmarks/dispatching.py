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

    def reach(self, done: int, *, failed: int, workers: int | None) -> None: ...

    def tick(self) -> None: ...


def print_dispatching(rows: int) -> None:
    fill(rows)
    cut = [measure_cutting("never tried", rows, rehash=False), measure_cutting("all, with --rehash", rows, rehash=True)]
    print_table("Cutting, PostgreSQL", CUT_HEADS, cut)
    jobs = _jobs(rehash=False)
    looks = [measure_looks(jobs, moved) for moved in (0, 8, 64)]
    # As many ranges as a billion rows make: the same ones, over and over.
    many = [replace(job, number=number) for number, job in enumerate(jobs * (500_000 // len(jobs)))]
    print_table(
        "Looks of the watcher, PostgreSQL", LOOK_HEADS, [*looks, measure_looks(many, 0), measure_looks(many, 64)]
    )


def measure_cutting(label: str, rows: int, *, rehash: bool) -> list[object]:
    before = _entries_walked()
    with queries_counted() as queries:
        began = time.perf_counter()
        jobs = _jobs(rehash=rehash)
        seconds = time.perf_counter() - began
    return [label, f"{rows:,}", f"{len(jobs):,}", seconds, f"{queries.number:,}", f"{_entries_walked() - before:,}"]


def measure_looks(jobs: Sequence[Shard], moved: int) -> list[object]:
    """Medians of some looks, before each of which the records of `moved` ranges have changed."""
    from hashing.backfill.sharding.monitor import ShardMonitor

    watch = ShardMonitor(jobs, _nowhere, 3600, progress=Unseen(), should_stop=lambda: False, say=_nowhere)
    runs = _begin_runs(jobs, moved)
    watch.look_once()
    times, waits, numbers = [], [], []
    for _ in range(LOOKS):
        runs.update(heartbeat_at=_now())
        with queries_counted() as queries:
            began = time.perf_counter()
            watch.look_once()
            times.append(time.perf_counter() - began)
        waits.append(queries.seconds)
        numbers.append(queries.number)
    runs.delete()
    return [f"{len(jobs):,}", moved, median(numbers), 1000 * median(times), 1000 * median(waits)]


def _jobs(*, rehash: bool) -> list[Shard]:
    from hashing.backfill import BackfillOptions, split_into_shards

    return list(split_into_shards(BackfillOptions(rehash=rehash)))


def _begin_runs(jobs: Sequence[Shard], number: int) -> Any:
    from hashing.models import BackfillRun

    moment = _now()
    BackfillRun.objects.bulk_create(
        BackfillRun(
            batch_id=job.batch_id, shard_number=job.number, total=job.size, started_at=moment, heartbeat_at=moment
        )
        for job in jobs[:number]
    )
    return BackfillRun.objects.filter(batch_id=jobs[0].batch_id)


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
