"""A site of its own for a benchmark: media folder, settings, and an empty database that is gone afterwards.

The database is a file in a temporary folder, or, where `DATABASE_URL` names a PostgreSQL server, a database of its own
on that server. Models can be imported inside the block only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management.color import no_style

DATABASE = "imagesearch_benchmarks"


@contextmanager
def scratch_site(media_root: Path, settings: str = "imagesearch.settings") -> Iterator[str]:
    """Set up Django with the files in `media_root`, or where `settings` say. Gives the name of the database's kind."""
    with tempfile.TemporaryDirectory(prefix="imagesearch-bench-") as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": settings, "MEDIA_ROOT": str(media_root)}
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


def fill(names: Sequence[str], rows: int) -> None:
    """Have `rows` rows without a hash and no others. They take the files' names in turn."""
    from django.db import connection

    from hashing.models import ImageAsset

    table = ImageAsset._meta.db_table
    # Tables of groups and decisions refer to it, and PostgreSQL empties them with it or not at all.
    flush = connection.ops.sql_flush(no_style(), [table], reset_sequences=True, allow_cascade=True)
    connection.ops.execute_sql_flush(flush)
    for start in range(0, rows, 1000):
        numbers = range(start, min(start + 1000, rows))
        ImageAsset.objects.bulk_create(ImageAsset(image=names[number % len(names)]) for number in numbers)
