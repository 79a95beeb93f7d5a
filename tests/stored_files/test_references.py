"""Rows of any model and any database keep a file."""

from __future__ import annotations

import os
import uuid

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import connection, models
from storages.backends.s3 import S3Storage

from hashing.models import ImageAsset
from hashing.stored_files.deletion import delete_unused
from hashing.stored_files.references import find_reasons_to_keep
from servers.s3_storage import storage_options
from tests.stored_files.conftest import Remote, storage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("managed", [True, False])
def test_row_of_any_model(media, photograph, add_model, managed):
    path = photograph("a/photo.jpg")
    model = add_model(FileSystemStorage(location=media / "a"), managed=True)
    model._meta.managed = managed
    model.objects.create(file="photo.jpg")
    assert delete_unused(storage(), ["a/photo.jpg"]).kept == {"a/photo.jpg": "Used by: legacy photo."}
    assert path.exists()
    model.objects.all().delete()
    assert delete_unused(storage(), ["a/photo.jpg"]).deleted


def test_model_without_a_table_means_nothing(media, photograph, add_model):
    photograph("photo.jpg")
    add_model(storage(), using=None, managed=False)
    assert delete_unused(storage(), ["photo.jpg"]).deleted


def test_row_in_another_database(media, photograph, add_model, other_database):
    path = photograph("photo.jpg")
    model = add_model(storage(), using=other_database)
    model.objects.using(other_database).create(file="photo.jpg")
    assert delete_unused(storage(), ["photo.jpg"]).kept == {"photo.jpg": "Used by: legacy photo."}
    assert path.exists()


def test_excluded_rows_are_ignored_by_model(media, photograph, add_model):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photograph(name)
    one, other, _third = ImageAsset.objects.bulk_create([ImageAsset(image=f"{name}.jpg") for name in "abc"])
    add_model(storage()).objects.create(pk=other.pk, file="b.jpg")
    reasons = find_reasons_to_keep(storage(), ["a.jpg", "b.jpg", "c.jpg"], excluded={ImageAsset: [one.pk, other.pk]})
    assert reasons == {"b.jpg": "Used by: legacy photo.", "c.jpg": "Used by: image."}


@pytest.fixture
def buckets(object_store):
    """A bucket, the same bucket with a prefix, and another bucket."""
    options = storage_options(object_store.endpoint, f"bucket-{uuid.uuid4()}")
    whole, inner = S3Storage(**options), S3Storage(**options, location="photos")
    other = S3Storage(**options | {"bucket_name": f"bucket-{uuid.uuid4()}"})
    for each in (whole, other):
        each.connection.create_bucket(Bucket=each.bucket_name)
    return whole, inner, other


def test_object_of_a_bucket_under_another_prefix_or_spelling(buckets, add_model):
    whole, inner, other = buckets
    model = add_model(inner)
    for name in ("photos/a.jpg", "photos/b.jpg", "photos/c.jpg"):
        whole.save(name, ContentFile(name.encode()))
    other.save("photos/b.jpg", ContentFile(b"another file"))
    model.objects.create(file="a.jpg")
    model.objects.create(file="x/../c.jpg")
    result = delete_unused(whole, ["photos/a.jpg", "photos/b.jpg", "photos/c.jpg"])
    assert result.deleted == {"photos/b.jpg"}
    assert delete_unused(other, ["photos/b.jpg"]).deleted
    assert [whole.exists(f"photos/{name}.jpg") for name in "abc"] == [True, False, True]


def test_storages_of_which_one_is_a_folder_of_the_other(media, photograph, add_model):
    path, other = photograph("a/photo.jpg"), photograph("b/photo.jpg")
    whole, inner = Remote(location=media), Remote(location=media / "a")
    model = add_model(whole)
    model.objects.create(file="a/photo.jpg")
    assert delete_unused(inner, ["photo.jpg"]).kept.keys() == {"photo.jpg"}
    assert delete_unused(storage(), ["b/photo.jpg"]).deleted
    assert path.exists()
    assert not other.exists()


def test_row_that_the_default_manager_hides(media, photograph, made_model):
    path = photograph("photo.jpg")
    fields = {"file": models.FileField(storage=storage()), "objects": models.Manager.from_queryset(Hiding)()}
    made_model("LegacyPhoto", fields)._base_manager.create(file="photo.jpg")
    assert delete_unused(storage(), ["photo.jpg"]).kept == {"photo.jpg": "Used by: legacy photo."}
    assert path.exists()


class Hiding(models.QuerySet):
    """An empty queryset."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.query.set_empty()


def test_row_of_a_table_whose_name_has_a_schema_in_it(media, photograph, add_model):
    path = photograph("photo.jpg")
    schema = "main" if connection.vendor == "sqlite" else "public"
    add_model(storage(), db_table=f'"{schema}"."legacy_photo"')
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO legacy_photo (file) VALUES ('photo.jpg')")
    assert delete_unused(storage(), ["photo.jpg"]).kept == {"photo.jpg": "Used by: legacy photo."}
    assert path.exists()


@pytest.mark.parametrize(("more", "later", "is_kept"), [(0, 0, True), (0, 2, True), (0, 5, False), (1, 0, False)])
def test_objects_of_other_sizes_or_times_are_other_objects(media, photograph, add_model, more, later, is_kept):
    path, other = photograph("a/photo.jpg"), media / "remote" / "photo.jpg"
    other.parent.mkdir()
    other.write_bytes(path.read_bytes() + b"x" * more)
    for each, time in ((path, 1_000_000), (other, 1_000_000 + later)):
        os.utime(each, (time, time))
    add_model(Remote(location=media / "remote")).objects.create(file="photo.jpg")
    assert bool(delete_unused(storage(), ["a/photo.jpg"]).kept) == is_kept
