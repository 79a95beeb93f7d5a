"""What `similar_rows` takes beside `similar_to`, among rows of a source that own as many assets.

    python -m benchmarks.similar_rows [ROWS]

The assets have the made-up hashes of `benchmarks.search`. SQLite, or the PostgreSQL server of DATABASE_URL.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from benchmarks.many_rows import fill
from benchmarks.scratch_site import scratch_site
from benchmarks.table import print_table

SEARCHES = 120
HEADS = ["search", "median, ms", "rows found"]


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder, scratch_site(Path(folder), "tests.settings") as vendor:
        from django.conf import settings

        from hashing.sources.registry import forget_sources

        settings.HASHING = {"SOURCES": ["site_models.Picture.image"]}
        forget_sources()
        fill(rows)
        _own_assets()
        results = [(name, median(times), found) for name, times, found in _measure(rows)]
        print_table(f"Rows of a source among {rows:,}, {vendor}", HEADS, results)
        (_, alone, _), (_, with_rows, _), *_ = results
        print(f"similar_rows takes {with_rows / alone:.2f} times as long as similar_to.")


def _own_assets() -> None:
    """Give each asset a row of the same key."""
    from django.db import connection

    from hashing.models import ImageAsset
    from tests.site_models.models import Picture

    quote = connection.ops.quote_name
    assets, pictures = quote(ImageAsset._meta.db_table), quote(Picture._meta.db_table)
    if Picture._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Picture)
    with connection.cursor() as cursor:
        owner = "source_type = 'site_models.Picture', source_field = 'image', source_id = CAST(id AS text)"
        cursor.execute(f"UPDATE {assets} SET {owner}")
        cursor.execute(f"INSERT INTO {pictures} (id, image) SELECT id, image FROM {assets}")
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _measure(rows: int) -> Iterable[tuple[str, list[float], int]]:
    from hashing import similar_rows
    from hashing.models import ImageAsset
    from tests.site_models.models import Picture

    keys = Random(2).sample(range(1, rows + 1), SEARCHES)
    pictures = list(Picture._base_manager.filter(pk__in=keys))
    assets = ImageAsset.objects.in_bulk(keys)
    ways: dict[str, Callable[[Picture], Any]] = {
        "similar_to": lambda picture: ImageAsset.objects.similar_to(assets[picture.pk]),
        "similar_rows": lambda picture: similar_rows(Picture._base_manager.all(), picture),
        "similar_rows, count()": lambda picture: [None] * similar_rows(Picture._base_manager.all(), picture).count(),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    found = dict.fromkeys(ways, 0)
    # The first tenth once for nothing: what was read before is in memory, as it is on a site in use.
    for number, picture in enumerate([*pictures[: SEARCHES // 10], *pictures]):
        for name, way in ways.items():
            began = time.perf_counter()
            count = len(list(way(picture)))
            if number >= SEARCHES // 10:
                times[name].append(1000 * (time.perf_counter() - began))
                found[name] += count
    return [(name, times[name], found[name]) for name in ways]


if __name__ == "__main__":
    main()
