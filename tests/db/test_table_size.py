from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.db import table_size
from hashing.db.table_size import clear_estimates, estimate_indexed_rows, estimate_rows
from hashing.models import ImageAsset

TABLE, INDEX = ImageAsset._meta.db_table, "image_asset_inside1_idx"


@pytest.fixture(autouse=True)
def fresh(db):
    clear_estimates()
    yield
    clear_estimates()


def add(count: int) -> None:
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{'x' * 100}{number}.jpg") for number in range(count))


def test_estimate_follows_the_statistics_where_there_are_some():
    add(2000)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLE}")
    estimated = estimate_rows(connection, TABLE)
    # A test on SQLite shares its keys with those before.
    assert estimated >= 2000 if connection.vendor == "sqlite" else estimated == pytest.approx(2000, rel=0.05)


def test_estimate_of_a_partial_index_follows_the_statistics():
    ImageAsset.objects.bulk_create(
        ImageAsset(
            image="x.jpg", inside_perceptual_hash=f"{number:016x}", inside_quality=50 if number % 5 == 0 else None
        )
        for number in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLE}")
    share = estimate_indexed_rows(connection, TABLE, "inside_quality", INDEX) / estimate_rows(connection, TABLE)
    assert share == pytest.approx(0.2, rel=0.2)


def test_partial_index_of_an_empty_table_has_no_rows_to_speak_of():
    if connection.vendor == "postgresql":
        # The files are as large as the tests before have made them.
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {TABLE} CASCADE")
    # An empty index has a page.
    assert estimate_indexed_rows(connection, TABLE, "inside_quality", INDEX) < 2000


def test_table_that_does_not_exist_has_no_rows_on_postgresql():
    if connection.vendor == "postgresql":
        assert estimate_rows(connection, "no such table") == 0


def test_database_is_asked_once_a_minute(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(table_size.time, "monotonic", lambda: now)
    with CaptureQueriesContext(connection) as queries:
        estimate_rows(connection, TABLE)
        now += 59
        estimate_rows(connection, TABLE)
        assert len(queries) == 1
        now += 2
        estimate_rows(connection, TABLE)
        assert len(queries) == 2
    assert not any("COUNT" in query["sql"] for query in queries)
