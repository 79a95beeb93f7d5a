"""What hashing does to the table on PostgreSQL: its size, its indexes, dead rows, and the write-ahead log.

Every row is written once, by the writer of the backfill. All of its indexes get a new entry then, because the hashes
are indexed. The table is vacuumed by hand where autovacuum would be due, so that the figures are the same every time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.generated_hashes import generate_hashes, generated_digest
from benchmarks.table import print_table
from benchmarks.unhashed_rows import fill

HEADS = ["run", "table, MB", "indexes, MB", "WAL, bytes a row", "dead rows", "HOT updates", "ms a row"]
HASH_INDEXES = re.compile("phash|vhash|band")


class Run(NamedTuple):
    """`batch`: rows a transaction. `vacuum_at`: the share of the table that is dead when it is vacuumed; autovacuum
    waits for 0.2. `late`: the indexes of the hashes are dropped before, and made afterwards. `checkpoint_every`: rows
    between two checkpoints; with few, hardly a page is written twice between them, as in a table that is very large."""

    label: str
    batch: int = 50
    vacuum_at: float | None = None
    late: bool = False
    checkpoint_every: int | None = None


RUNS = [
    Run("50 rows a transaction, no vacuum"),
    Run("500 rows a transaction, no vacuum", batch=500),
    Run("vacuum at 20% dead rows", vacuum_at=0.2),
    Run("vacuum at 2% dead rows", vacuum_at=0.02),
    Run("indexes of the hashes made afterwards", late=True),
    Run("a checkpoint after every 200 rows", checkpoint_every=200),
]


class Sizes(NamedTuple):
    table: float
    indexes: float
    wal: float


def print_growth(rows: int) -> None:
    lines = [measure(rows, run) for run in RUNS]
    print_table(f"{rows:,} rows before and after their first hash, PostgreSQL", HEADS, lines)
    print_table("Sizes of the indexes after a run, MB, and after REINDEX", ["index", "run", "REINDEX"], _indexes(rows))


def measure(rows: int, run: Run) -> list[object]:
    fill(rows)
    _execute("ALTER TABLE {} SET (autovacuum_enabled = off)")
    _execute("CHECKPOINT")
    before = _sizes()
    seconds = _hash_all_late(rows, run) if run.late else _hash_all(rows, run)
    after = _sizes()
    dead, hot = _dead_and_hot()
    table, indexes = (f"{old:.0f} to {new:.0f}" for old, new in zip(before[:2], after[:2], strict=True))
    wal = 1e6 * (after.wal - before.wal) / rows
    return [run.label, table, indexes, wal, f"{dead:,}", hot, 1000 * seconds / rows]


def _hash_all_late(rows: int, run: Run) -> float:
    """Seconds in the writer, and of making the indexes."""
    from django.db import connection

    from hashing.models import ImageAsset

    late = [index for index in ImageAsset._meta.indexes if HASH_INDEXES.search(index.name)]
    with connection.schema_editor() as editor:
        for index in late:
            editor.remove_index(ImageAsset, index)
    spent = _hash_all(rows, run)
    began = time.perf_counter()
    with connection.schema_editor() as editor:
        for index in late:
            editor.add_index(ImageAsset, index)
    return spent + time.perf_counter() - began


def _hash_all(rows: int, run: Run) -> float:
    """Seconds in the writer."""
    from hashing.backfill.writer import OutcomeWriter
    from hashing.models import ImageAsset

    writer, spent, done, since = OutcomeWriter(ImageAsset, "default"), 0.0, 0, 0
    for outcomes in _batches(rows, run.batch):
        began = time.perf_counter()
        written = sum(1 for _ in writer.write(outcomes, {outcome.pk: 0 for outcome in outcomes}))
        spent += time.perf_counter() - began
        if written != len(outcomes):
            raise SystemExit(f"{written} of {len(outcomes)} rows are written")
        done, since = done + written, since + written
        if run.checkpoint_every and done % run.checkpoint_every == 0:
            _execute("CHECKPOINT")
        if run.vacuum_at and since >= run.vacuum_at * rows:
            _execute("VACUUM {}")
            since = 0
    return spent


def _batches(rows: int, size: int) -> Iterator[Sequence[Any]]:
    from hashing.fingerprint.fingerprint import Fingerprint
    from hashing.workers.worker import Outcome

    perceptual, vertical = generate_hashes(rows, seed=1)
    quality = np.random.default_rng(1).integers(50, 100, rows)
    for start in range(0, rows, size):
        chunk = slice(start, start + size)
        facts = zip(*(array[chunk].tolist() for array in (perceptual, vertical, quality)), strict=True)
        yield [
            Outcome(
                key,
                f"images/2026/01/photo{key:08}.jpg",
                _fingerprint(Fingerprint, *found),
                3_000_000,
                file_digest=generated_digest(key),
            )
            for key, found in enumerate(facts, start=start + 1)
        ]


def _fingerprint(made: Any, perceptual: int, vertical: int, quality: int) -> Any:
    detail = generated_digest(perceptual)
    return made(f"{perceptual:016x}", f"{vertical:016x}", detail, quality, 4000, 3000)


def _sizes() -> Sizes:
    """In MB, the write-ahead log since the server began."""
    sql = "SELECT pg_table_size(%s), pg_indexes_size(%s), pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
    [found] = _select(sql, _table(), _table())
    return Sizes(*(float(size) / 1e6 for size in found))


def _dead_and_hot() -> tuple[int, int]:
    _select("SELECT pg_stat_force_next_flush()")
    [found] = _select("SELECT n_dead_tup, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = %s", _table())
    return found[0], found[1]


def _indexes(rows: int) -> list[list[object]]:
    measure(rows, RUNS[0])
    sql = "SELECT indexrelname, pg_relation_size(indexrelid) FROM pg_stat_user_indexes WHERE relname = %s"
    grown = dict(_select(sql, _table()))
    _execute("REINDEX TABLE {}")
    dense = dict(_select(sql, _table()))
    by_size = sorted(grown, key=grown.__getitem__, reverse=True)
    return [[name, grown[name] / 1e6, dense[name] / 1e6] for name in by_size]


def _table() -> str:
    from hashing.models import ImageAsset

    return ImageAsset._meta.db_table


def _execute(sql: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql.format(connection.ops.quote_name(_table())))


def _select(sql: str, *parameters: str) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
