from __future__ import annotations

import pytest
from django.db import connection

from hashing.admin import paginator
from hashing.admin.paginator import LargeTablePaginator
from hashing.db import table_size
from hashing.db.table_size import clear_estimates, estimate_count
from hashing.models import ImageAsset

ROWS = 30


@pytest.fixture(autouse=True)
def no_cached_estimates():
    clear_estimates()
    yield
    clear_estimates()


@pytest.fixture
def table(db, monkeypatch):
    monkeypatch.setattr(table_size, "MIN_ESTIMATE", 10)
    monkeypatch.setattr(paginator, "MAX_COUNTED", 20)
    ImageAsset.objects.bulk_create([ImageAsset(image=f"{number}.jpg") for number in range(ROWS)])


@pytest.fixture
def postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("an estimate of PostgreSQL")


def analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE hashing_imageasset")


def test_whole_table_is_estimated(table, postgresql):
    analyze()
    ImageAsset.objects.filter(image="1.jpg").delete()
    pages = LargeTablePaginator(ImageAsset.objects.order_by("pk"), 10)
    assert (pages.count, pages.is_estimate) == (ROWS, True)


def test_small_table_is_counted(db):
    ImageAsset.objects.bulk_create([ImageAsset(image="1.jpg")])
    pages = LargeTablePaginator(ImageAsset.objects.order_by("pk"), 10)
    assert (pages.count, pages.is_estimate) == (1, False)
    assert estimate_count(ImageAsset.objects.all()) is None


def test_small_table_is_counted_though_its_file_is_large(db, postgresql, monkeypatch):
    monkeypatch.setattr(table_size, "estimate_rows", lambda *_: 80_000)
    ImageAsset.objects.bulk_create([ImageAsset(image="1.jpg")])
    assert LargeTablePaginator(ImageAsset.objects.order_by("pk"), 10).count == 1


def test_filtered_rows_are_counted_up_to_a_limit(table):
    pages = LargeTablePaginator(ImageAsset.objects.filter(hash_error="").order_by("pk"), 10)
    assert (pages.count, pages.is_capped, pages.num_pages) == (20, True, 2)


def test_few_filtered_rows_are_counted(table):
    pages = LargeTablePaginator(ImageAsset.objects.filter(image="3.jpg").order_by("pk"), 10)
    assert (pages.count, pages.is_capped, pages.is_estimate) == (1, False, False)


def test_list_says_that_the_number_is_an_estimate(table, postgresql, superuser):
    analyze()
    text = superuser.get("/admin/hashing/imageasset/").text
    assert "The number of images is an estimate" in text
    assert f"of about {ROWS}" in text


def test_list_says_that_there_are_more(table, superuser):
    assert "There are more" in superuser.get("/admin/hashing/imageasset/?state=waiting").text
