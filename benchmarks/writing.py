"""Milliseconds to write the eleven fields of one row, in batches of 500: four ways to say UPDATE.

django-fast-update takes part when it is installed; the project does not need it.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from benchmarks.rounds import Figures, median_of_rounds
from benchmarks.scratch_site import fill, scratch_site
from benchmarks.table import print_table, print_versions

HEADS = ["way", "ms a row", "CPU ms a row, in the client", "against the app's"]
OURS = "the app's guarded bulk_update"
# A name of an ordinary length; nothing opens it.
NAMES = [f"images/2026/01/photograph-{number:05}.jpg" for number in range(1000)]

Write = Callable[[list[Any], Sequence[str]], int]


def stock(rows: list[Any], fields: Sequence[str]) -> int:
    return QuerySet.bulk_update(_queryset(), rows, fields)


def guarded(rows: list[Any], fields: Sequence[str]) -> int:
    return _queryset().bulk_update(rows, fields, guards=["image"])  # type: ignore[no-any-return]


def fast_update(rows: list[Any], fields: Sequence[str]) -> int:
    from fast_update.query import FastUpdateQuerySet

    from hashing.models import ImageAsset

    return FastUpdateQuerySet(ImageAsset).fast_update(rows, fields, unfiltered=True)  # type: ignore[no-any-return]


def update_from_values(rows: list[Any], fields: Sequence[str]) -> int:
    """Written by hand for this table; the first row carries the types."""
    from django.db import connection

    from hashing.models import ImageAsset

    columns = [ImageAsset._meta.get_field(name) for name in ("id", *fields)]
    typed = ", ".join(f"CAST(%s AS {column.cast_db_type(connection)})" for column in columns)  # type: ignore[union-attr]
    plain = ", ".join(["%s"] * len(columns))
    values = ", ".join([f"({typed})", *[f"({plain})"] * (len(rows) - 1)])
    # Both databases call the columns of VALUES so.
    assignments = ", ".join(f"{name} = v.column{number}" for number, name in enumerate(fields, start=2))
    sql = f"UPDATE {ImageAsset._meta.db_table} AS t SET {assignments} FROM (VALUES {values}) AS v"
    adapted = [
        column.get_db_prep_save(getattr(row, column.name), connection)  # type: ignore[union-attr]
        for row in rows
        for column in columns
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} WHERE t.id = v.column1", adapted)
        return int(cursor.rowcount)


def measure(write: Write, rows: int, batch_size: int) -> Figures:
    from django.db import transaction

    from hashing.models.hash_fields import HASH_FIELDS

    batches = _hashed_rows(rows, batch_size)
    written = 0
    began, cpu_began = time.perf_counter(), time.process_time()
    for batch in batches:
        with transaction.atomic():
            written += write(batch, HASH_FIELDS)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    if written != rows:
        raise SystemExit(f"{write.__name__} has written {written} of {rows} rows")
    return {"ms": 1000 * seconds / rows, "cpu": 1000 * cpu / rows}


def _queryset() -> Any:
    from hashing.models import ImageAsset

    return ImageAsset.objects.all()


def _hashed_rows(rows: int, batch_size: int) -> list[list[Any]]:
    """Batches of the table's rows, without a hash there and with one here."""
    fill(NAMES, rows)
    assets = list(_queryset().order_by("pk"))
    for asset in assets:
        asset.perceptual_hash, asset.vertical_hash = (f"{random.getrandbits(64):016x}" for _ in range(2))
        asset.hash_quality, asset.hash_version, asset.hashed_at = random.randrange(101), 1, timezone.now()
        asset.width, asset.height, asset.file_size = 4000, 3000, random.randrange(5_000_000)
        asset.detail_hash, asset.file_digest = (f"{random.getrandbits(256):064x}" for _ in range(2))
    return [assets[start : start + batch_size] for start in range(0, rows, batch_size)]


def _ways() -> dict[str, Write]:
    ways: dict[str, Write] = {"Django's bulk_update": stock}
    if find_spec("fast_update"):
        ways["django-fast-update (optional package)"] = fast_update
    return ways | {"UPDATE ... FROM (VALUES ...) by hand": update_from_values, OURS: guarded}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=500)
    given = parser.parse_args()
    with scratch_site(Path()) as database:
        ways = {name: _measuring(write, given.rows, given.batch_size) for name, write in _ways().items()}
        found = median_of_rounds(given.rounds, ways)
        rows = [
            [name, each["ms"], each["cpu"], f"{each['ms'] / found[OURS]['ms']:.1f}"] for name, each in found.items()
        ]
        print_table(f"Writing eleven fields, {database}, median of {given.rounds} rounds", HEADS, rows)
    print_versions("Django", "psycopg")


def _measuring(write: Write, rows: int, batch_size: int) -> Callable[[], Figures]:
    return lambda: measure(write, rows, batch_size)


if __name__ == "__main__":
    main()
