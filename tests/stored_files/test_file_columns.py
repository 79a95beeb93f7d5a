from __future__ import annotations

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.models import ImageAsset
from hashing.stored_files import file_columns
from hashing.stored_files.file_columns import FileColumn
from tests.stored_files.conftest import storage

pytestmark = pytest.mark.django_db(transaction=True)


def test_names_are_found_through_the_index():
    column = FileColumn(ImageAsset, ImageAsset.image.field, "default", default_storage)
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{n}/{n}.jpg") for n in range(3000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE hashing_imageasset")
    with CaptureQueriesContext(connection) as captured:
        assert column.names(["7.jpg"]) == ({"7/7.jpg"}, set())
    [query] = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    with connection.cursor() as cursor:
        cursor.execute(f"{'EXPLAIN QUERY PLAN' if connection.vendor == 'sqlite' else 'EXPLAIN'} {query}")
        assert "image_asset_base_name_idx" in str(cursor.fetchall())


def test_common_names_are_left_out_and_the_others_read(crowd):
    model = crowd(storage(), "x/rare.jpg", "y/rare.jpg", "z/rare.jpg", "x/other.jpg")
    column = FileColumn(model, model._meta.get_field("file"), "default", default_storage)
    assert column.names(["photo.jpg", "rare.jpg"]) == ({f"{each}/rare.jpg" for each in "xyz"}, {"photo.jpg"})


def test_images_of_a_size_are_found_with_those_of_unknown_size(images, monkeypatch):
    of_size, unsized = {f"old{number}.jpg" for number in range(3)}, {f"new{number}.jpg" for number in range(3)}
    monkeypatch.setattr(file_columns, "MAX_UNSIZED", 3)
    assert images.names_by_size([5]) == of_size | unsized
    assert images.names_by_size([6]) == unsized
    monkeypatch.setattr(file_columns, "MAX_UNSIZED", 2)
    assert images.names_by_size([5]) == of_size
