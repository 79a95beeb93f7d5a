"""Seconds to cut a list of pending rows into shards, and to watch them, on PostgreSQL.

`python -m servers.postgresql python -m benchmarks.scaling [--rows N]`
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.report import print_table, print_versions
from benchmarks.scratch_site import analyse_tables, count_queries, scratch_site

if TYPE_CHECKING:
    from hashing.backfill import Shard

CUT_HEADS = ["pending rows", "rows", "shards", "seconds", "queries"]
POLL_HEADS = ["shards", "of them changed", "queries a poll", "ms a poll", "of them waiting for the database"]
POLLS = 9
# As many as a billion rows make.
MANY_SHARDS = 500_000
ADD_ROWS = """\
INSERT INTO {} (image, hash_error, created_at)
SELECT 'images/2026/01/photo' || lpad(n::text, 8, '0') || '.jpg', '', now() FROM generate_series(1, %s) AS n
"""


class SilentProgress:
    def begin(self, total: int) -> None: ...

    def update(self, done: int, *, failed: int, workers: int | None) -> None: ...

    def tick(self) -> None: ...


def add_pending_rows(count: int) -> None:
    from django.db import connection

    from hashing.models import ImageAsset

    with connection.cursor() as cursor:
        cursor.execute(ADD_ROWS.format(connection.ops.quote_name(ImageAsset._meta.db_table)), [count])
    analyse_tables()


def split(*, rehash: bool) -> list[Shard]:
    from hashing.backfill import BackfillOptions, split_into_shards

    return list(split_into_shards(BackfillOptions(rehash=rehash)))


def measure_split(label: str, rows: int, *, rehash: bool) -> list[object]:
    with count_queries() as queries:
        began = time.perf_counter()
        shards = split(rehash=rehash)
        seconds = time.perf_counter() - began
    return [label, f"{rows:,}", f"{len(shards):,}", seconds, f"{queries.number:,}"]


def measure_polls(shards: Sequence[Shard], changed: int) -> list[object]:
    """Return medians of some polls, before each of which the runs of `changed` shards have changed."""
    from django.utils import timezone

    from hashing.backfill.sharding.monitor import ShardMonitor

    ignore: Any = lambda _what: None  # noqa: E731
    monitor = ShardMonitor(shards, ignore, 3600, progress=SilentProgress(), should_stop=lambda: False, notify=ignore)
    runs = begin_runs(shards[:changed], shards[0].batch_id)
    monitor.poll_once()
    times, waits, numbers = [], [], []
    for _ in range(POLLS):
        runs.update(heartbeat_at=timezone.now())
        with count_queries() as queries:
            began = time.perf_counter()
            monitor.poll_once()
            times.append(time.perf_counter() - began)
        waits.append(queries.seconds)
        numbers.append(queries.number)
    runs.delete()
    return [f"{len(shards):,}", changed, median(numbers), 1000 * median(times), 1000 * median(waits)]


def begin_runs(shards: Sequence[Shard], batch_id: Any) -> Any:
    from django.utils import timezone

    from hashing.models import BackfillRun

    now = timezone.now()
    BackfillRun.objects.bulk_create(
        BackfillRun(batch_id=batch_id, shard_number=shard.number, total=shard.size, started_at=now, heartbeat_at=now)
        for shard in shards
    )
    return BackfillRun.objects.filter(batch_id=batch_id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with scratch_site() as database:
        if database != "PostgreSQL":
            sys.exit("These figures are for PostgreSQL: python -m servers.postgresql python -m benchmarks.scaling")
        add_pending_rows(rows)
        cuts = [
            measure_split("never tried", rows, rehash=False),
            measure_split("all, with --rehash", rows, rehash=True),
        ]
        print_table(f"Cutting, {database}", CUT_HEADS, cuts)
        shards = split(rehash=False)
        many = [replace(shards[number % len(shards)], number=number) for number in range(MANY_SHARDS)]
        polls = [measure_polls(each, changed) for each, changed in ((shards, 0), (shards, 8), (shards, 64), (many, 64))]
        print_table(f"Polls of the monitor, {database}", POLL_HEADS, polls)
    print_versions("django", "psycopg")


if __name__ == "__main__":
    main()
