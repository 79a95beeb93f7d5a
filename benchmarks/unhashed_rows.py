"""Rows in any number that wait for their hash, on PostgreSQL, without a file of any picture."""

from __future__ import annotations

INSERT = """\
INSERT INTO {0} (image, hash_error, created_at)
SELECT 'images/2026/01/photo' || lpad(n::text, 8, '0') || '.jpg', '', now() FROM generate_series(1, %s) AS n
"""


def fill(count: int) -> None:
    """Have `count` rows with the keys 1 to `count`, no others, and the statistics of the table.

    The indexes are as inserts leave them.
    """
    from django.db import connection

    from hashing.models import ImageAsset

    table = connection.ops.quote_name(ImageAsset._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} RESTART IDENTITY CASCADE")
        cursor.execute(INSERT.format(table), [count])
        cursor.execute(f"VACUUM ANALYZE {table}")
