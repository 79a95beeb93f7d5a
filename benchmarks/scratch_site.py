"""A site for a benchmark, with an empty database that is dropped afterwards, and rows to fill it with.

The database is an SQLite file in a temporary folder, or, where `DATABASE_URL` names a PostgreSQL server, a database of
its own on that server. Models can be imported only inside the block.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import django
import numpy as np
import numpy.typing as npt
from django.core.management.color import no_style

from hashing.db.hexadecimal import HexIntegerField
from samples.generated_hashes import generate_fingerprints, generated_digest

DATABASE = "imagesearch_benchmarks"
BLANK_PAGES = 0.05
# Of 1,000 photographs, 17% have edges of one colour by themselves.
FRAMED = 0.17
LOWEST_QUALITY, HIGHEST_QUALITY = 50, 99
CHUNK = 100_000
COLUMNS = (
    "id", "image", "perceptual_hash", "vertical_hash", "detail_hash", "hash_quality", "hash_version", "hash_error",
    "hashed_at", "width", "height", "file_size", "file_digest", "created_at", "inside_perceptual_hash",
    "inside_vertical_hash", "inside_detail_hash", "inside_quality",
)  # fmt: skip
CREATED = "2026-01-01 00:00:00"

Row = tuple[int | str | bytes | None, ...]


@contextmanager
def scratch_site(media_root: Path | None = None, settings: str = "imagesearch.settings") -> Iterator[str]:
    """Set up Django with these files, by default none. Yield the name of the kind of database, e.g. "PostgreSQL"."""
    with tempfile.TemporaryDirectory(prefix="imagesearch-bench-") as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": settings, "MEDIA_ROOT": str(media_root or folder)}
        if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
            os.environ["DATABASE_URL"] = f"sqlite:///{folder}/db.sqlite3"
        django.setup()
        with _database():
            from django.db import connection

            yield connection.display_name


@contextmanager
def _database() -> Iterator[None]:
    from django.core.management import call_command
    from django.db import connection

    if connection.vendor == "sqlite":
        call_command("migrate", verbosity=0)
        yield
        connection.close()
        return
    before = str(connection.settings_dict["NAME"])
    connection.settings_dict["TEST"]["NAME"] = DATABASE
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


def replace_by_pending_rows(names: Sequence[str], count: int) -> None:
    """Leave `count` rows without a hash in the table, which take the files' names in turn."""
    from django.db import connection

    from hashing.models import ImageAsset

    # Tables of groups and decisions refer to it, and PostgreSQL empties them with it or not at all.
    flush = connection.ops.sql_flush(no_style(), [ImageAsset._meta.db_table], reset_sequences=True, allow_cascade=True)
    connection.ops.execute_sql_flush(flush)
    rows = (ImageAsset(image=names[number % len(names)]) for number in range(count))
    ImageAsset.objects.bulk_create(rows, batch_size=1000)
    analyse_tables()


def add_hashed_rows(count: int, seed: int = 1) -> None:
    """Add rows with the keys 1 to `count` to an empty table, one in twenty a blank page with hashes of 0."""
    from django.db import connection, transaction

    from hashing.models import ImageAsset

    table, indexes = connection.ops.quote_name(ImageAsset._meta.db_table), ImageAsset._meta.indexes
    # An index that is made afterwards is made at once, and as dense as it can be.
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(ImageAsset, index)
    with transaction.atomic():
        _insert(table, _hashed_rows(count, seed))
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.add_index(ImageAsset, index)
    analyse_tables()


def analyse_tables() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _insert(table: str, rows: Iterator[Row]) -> None:
    from django.db import connection

    names = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(COLUMNS))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", cast("Sequence[Row]", rows))


def _hashed_rows(count: int, seed: int) -> Iterator[Row]:
    random = np.random.default_rng(seed)
    whole = _Hashes.generate(count, seed, random)
    blank = random.random(count) < BLANK_PAGES
    for array in whole.arrays:
        array[blank] = 0
    has_frame = ~blank & (random.random(count) < FRAMED)
    insides = iter(_Hashes.generate(int(has_frame.sum()), seed + 1, random).rows())
    for number, (hashes, is_framed) in enumerate(zip(whole.rows(), has_frame.tolist(), strict=True), start=1):
        file = 4000, 3000, 3_000_000, generated_digest(number)
        inside = _stored_inside(*next(insides)) if is_framed else (None, None, None, None)
        yield number, f"images/2026/01/photo{number:08}.jpg", *hashes, 1, "", CREATED, *file, CREATED, *inside


def _stored_inside(perceptual: Any, vertical: Any, detail: Any, quality: Any) -> Row:
    small = HexIntegerField()
    return small.get_prep_value(perceptual), small.get_prep_value(vertical), bytes.fromhex(detail), quality


@dataclass
class _Hashes:
    """The hashes and the qualities of many pictures."""

    arrays: Sequence[npt.NDArray[Any]]

    @classmethod
    def generate(cls, count: int, seed: int, random: np.random.Generator) -> Self:
        quality = random.integers(LOWEST_QUALITY, HIGHEST_QUALITY, count, endpoint=True)
        return cls((*generate_fingerprints(count, seed), quality))

    def rows(self) -> Iterator[Row]:
        """Yield the three hashes in hexadecimal, and the quality."""
        perceptual, vertical, detail, quality = self.arrays
        for start in range(0, len(quality), CHUNK):
            chunk = slice(start, start + CHUNK)
            columns = [array[chunk].tolist() for array in (perceptual, vertical, quality)]
            # The words of a detail hash, the most significant byte first.
            details = detail[chunk].astype(">u8").tobytes().hex()
            for index, (one, other, level) in enumerate(zip(*columns, strict=True)):
                yield f"{one:016x}", f"{other:016x}", details[64 * index : 64 * index + 64], level


@dataclass
class Queries:
    number: int = 0
    seconds: float = 0.0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.number += 1
            self.seconds += time.perf_counter() - began


@contextmanager
def count_queries() -> Iterator[Queries]:
    """Count the queries of the block and the seconds spent waiting for them."""
    from django.db import connection

    queries = Queries()
    with connection.execute_wrapper(queries):
        yield queries
