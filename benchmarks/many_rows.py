"""Rows in any number that look hashed, without a file of any picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

from benchmarks.generated_hashes import generate_fingerprints, generated_digest

# As many as this share are blank pages: both hashes and the quality are 0.
BLANK = 0.05
LOWEST_QUALITY, HIGHEST_QUALITY = 50, 99
CHUNK = 100_000
COLUMNS = (
    "id", "image", "perceptual_hash", "vertical_hash", "detail_hash", "hash_quality", "hash_version", "hash_error",
    "hashed_at", "width", "height", "file_size", "file_digest", "created_at",
)  # fmt: skip
MOMENT = "2026-01-01 00:00:00"

Row = tuple[int | str, ...]


def fill(count: int, seed: int = 1) -> None:
    """Have `count` rows with the keys 1 to `count`, in an empty table, and its statistics."""
    from django.db import connection, transaction

    from hashing.models import ImageAsset

    table, indexes = connection.ops.quote_name(ImageAsset._meta.db_table), ImageAsset._meta.indexes
    # An index that is made afterwards is made at once, and as dense as it can be.
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(ImageAsset, index)
    with transaction.atomic():
        _insert(table, _rows(count, seed))
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.add_index(ImageAsset, index)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {table}" if connection.vendor == "postgresql" else "ANALYZE")


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


def _rows(count: int, seed: int) -> Iterator[Row]:
    random = np.random.default_rng(seed)
    perceptual, vertical, detail = generate_fingerprints(count, seed)
    quality = random.integers(LOWEST_QUALITY, HIGHEST_QUALITY, count, endpoint=True)
    blank = random.random(count) < BLANK
    for array in (perceptual, vertical, detail, quality):
        array[blank] = 0
    for start in range(0, count, CHUNK):
        chunk = slice(start, start + CHUNK)
        facts = [array[chunk].tolist() for array in (perceptual, vertical, quality)]
        # Its bytes in the order of the hash: the most significant first.
        details = detail[chunk].astype(">u8").tobytes().hex()
        for index, (one, other, level) in enumerate(zip(*facts, strict=True)):
            number, large = start + index + 1, details[64 * index : 64 * index + 64]
            hashes = f"{one:016x}", f"{other:016x}", large
            facts_of_file = 4000, 3000, 3_000_000, generated_digest(number)
            yield number, f"images/2026/01/photo{number:08}.jpg", *hashes, level, 1, "", MOMENT, *facts_of_file, MOMENT
