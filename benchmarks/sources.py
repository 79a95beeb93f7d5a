"""How long it takes to register the rows of a source, and to see that there is nothing to do.

    python -m benchmarks.sources [ROWS]

Rows without files: registering opens none. SQLite, or the PostgreSQL server of DATABASE_URL.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scratch_site import scratch_site
from benchmarks.table import print_table

CHUNK = 10_000


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder, scratch_site(Path(folder), "tests.settings") as vendor:
        from django.conf import settings

        from hashing.sources.registry import forget_sources

        settings.HASHING = {"SOURCES": ["site_models.Picture.image", "site_models.Photo.original"]}
        forget_sources()
        results = [_measure(label, rows) for label in ("Picture", "Photo")]
        header = ("key", "rows", "registered a second", "nothing to do, s", "all gone, s", "peak MB")
        print_table(f"Sources, {vendor}", header, results)


def _measure(name: str, rows: int) -> tuple[str, ...]:
    from django.apps import apps
    from django.db import connection

    from hashing.indexing.sync import sync_sources

    model = apps.get_model("site_models", name)
    label = f"site_models.{name}"
    if model._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(model)
    _fill(name, rows)
    added, counts = _timed(lambda: sync_sources([label]))
    assert [each.added for each in counts.values()] == [rows]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    nothing, counts = _timed(lambda: sync_sources([label]))
    assert [each.total for each in counts.values()] == [0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
    gone, counts = _timed(lambda: sync_sources([label]))
    assert [each.removed for each in counts.values()] == [rows]
    return (
        model._meta.pk.get_internal_type(),
        f"{rows:,}",
        f"{rows / added:,.0f}",
        f"{nothing:.1f}",
        f"{gone:.1f}",
        f"{peak:.0f}",
    )


def _fill(name: str, rows: int) -> None:
    from django.db import transaction
    from django.utils import timezone

    from tests.site_models.models import Photo, Picture

    with transaction.atomic():
        for start in range(0, rows, CHUNK):
            numbers = range(start, min(start + CHUNK, rows))
            if name == "Picture":
                Picture._base_manager.bulk_create(Picture(image=f"pictures/{number:09}.jpg") for number in numbers)
                continue
            photos = []
            for number in numbers:
                photo = Photo(width=1, height=1, created=timezone.now())
                # Past the descriptor, which would open the file for its dimensions.
                photo.__dict__["original"] = f"albums/{number:09}.jpg"
                photos.append(photo)
            Photo._base_manager.bulk_create(photos)


def _timed(work: Callable[[], dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
