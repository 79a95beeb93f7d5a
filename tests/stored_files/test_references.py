"""Rows of any model and any database keep a file, and so does a database or a storage that does not answer."""

from __future__ import annotations

import logging
import os
import uuid

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections, models, transaction
from django.test.utils import CaptureQueriesContext
from storages.backends.s3 import S3Storage

from hashing.models import ImageAsset
from hashing.stored_files import deletion, references
from hashing.stored_files.deletion import delete_unused, find_reasons_to_keep
from hashing.stored_files.references import FileColumn
from servers.s3_storage import storage_options
from tests.db.faults import FailingOnce

pytestmark = pytest.mark.django_db(transaction=True)


def storage():
    return ImageAsset.image.field.storage


@pytest.fixture
def add_model(made_model):
    """Makes a model with a file field, and its table if it is to have one."""

    def make(file_storage, using: str | None = "default", **options):
        fields = {"file": models.FileField(storage=file_storage)}
        return made_model("LegacyPhoto", fields, using, **options)

    return make


@pytest.fixture
def other_database(tmp_path):
    """The alias of a second database."""
    file = str(tmp_path / "other.sqlite3")
    settings = connections.settings["default"] | {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": {}}
    connections.settings["other"] = settings
    # Tests may connect to the databases of the settings file alone.
    made = connections["other"]
    made.ensure_connection = lambda: made.connection or made.connect()
    yield "other"
    connections["other"].close()
    del connections["other"], connections.settings["other"]


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


@pytest.mark.parametrize("error", [DatabaseError, InterfaceError])
def test_database_that_breaks_off(media, photograph, monkeypatch, error):
    def fail(*_arguments):
        raise error("connection is closed")

    path = photograph("photo.jpg")
    monkeypatch.setattr(deletion, "file_columns", fail)
    kept = delete_unused(storage(), ["photo.jpg"]).kept
    assert kept == {"photo.jpg": "The database “default” cannot be asked about it."}
    assert path.exists()


def test_deadlock_keeps_no_file(media, photograph, monkeypatch):
    def deadlock():
        raise OperationalError("deadlock detected")

    photograph("photo.jpg")
    monkeypatch.setattr(references, "PAUSES", (0,))
    with connection.execute_wrapper(FailingOnce("SUBSTR", deadlock)):
        assert delete_unused(storage(), ["photo.jpg"]).deleted


def test_rows_to_delete_do_not_count_and_rows_of_other_models_with_their_keys_do(media, photograph, add_model):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photograph(name)
    one, other, _third = ImageAsset.objects.bulk_create([ImageAsset(image=f"{name}.jpg") for name in "abc"])
    add_model(storage()).objects.create(pk=other.pk, file="b.jpg")
    reasons = find_reasons_to_keep(storage(), ["a.jpg", "b.jpg", "c.jpg"], without={ImageAsset: [one.pk, other.pk]})
    assert reasons == {"b.jpg": "Used by: legacy photo.", "c.jpg": "Used by: image asset."}


class Locked(FileSystemStorage):
    """A storage whose files cannot be looked at."""

    def path(self, name):
        raise PermissionError(13, "locked")


def test_file_that_cannot_be_looked_at(media, photograph, add_model):
    photograph("photo.jpg")
    assert delete_unused(Locked(), ["photo.jpg"]).kept == {"photo.jpg": "It cannot be read: [Errno 13] locked"}
    add_model(Locked()).objects.create(file="elsewhere/photo.jpg")
    kept = delete_unused(storage(), ["photo.jpg"]).kept
    assert kept == {"photo.jpg": "It may be the file “elsewhere/photo.jpg”, which is used by: legacy photo."}


def test_database_that_does_not_answer(media, photograph, other_database, tmp_path, caplog):
    path = photograph("photo.jpg")
    (tmp_path / "other.sqlite3").write_bytes(b"this is no database" * 100)
    with caplog.at_level(logging.ERROR, "hashing"):
        result = delete_unused(storage(), ["photo.jpg"])
    assert result.kept == {"photo.jpg": "The database “other” cannot be asked about it."}
    assert path.exists()
    assert "database other cannot be read" in caplog.text


class Silent(FileSystemStorage):
    """A storage on another machine that is away."""

    def path(self, name):
        raise NotImplementedError

    def exists(self, name):
        raise ConnectionError("away")


def test_storage_that_does_not_answer(media, photograph, add_model):
    path = photograph("a/photo.jpg")
    add_model(Silent()).objects.create(file="photo.jpg")
    kept = delete_unused(storage(), ["a/photo.jpg"]).kept
    assert kept == {"a/photo.jpg": "It may be the file “photo.jpg”, which is used by: legacy photo."}
    assert path.exists()


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


class Remote(Silent):
    """The same, while it answers."""

    def exists(self, name):
        return FileSystemStorage(self.location).exists(name)

    def size(self, name):
        return FileSystemStorage(self.location).size(name)

    def get_modified_time(self, name):
        return FileSystemStorage(self.location).get_modified_time(name)


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
    """A queryset of nothing."""

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


@pytest.fixture
def crowd(add_model, monkeypatch):
    """Makes a model with more rows of one base name than are compared."""
    monkeypatch.setattr(references, "MAX_NAMES", 3)

    def make(file_storage, *names: str):
        model = add_model(file_storage)
        model.objects.bulk_create(model(file=name) for name in [*(f"{n}/photo.jpg" for n in range(5)), *names])
        return model

    return make


def test_common_names_are_left_out_and_the_others_read(crowd):
    model = crowd(storage(), "x/rare.jpg", "y/rare.jpg", "z/rare.jpg", "x/other.jpg")
    column = FileColumn(model, model._meta.get_field("file"), "default", default_storage)
    assert column.names(["photo.jpg", "rare.jpg"]) == ({f"{each}/rare.jpg" for each in "xyz"}, {"photo.jpg"})


def test_file_whose_name_too_many_rows_of_another_model_have(media, photograph, crowd):
    used, unsure, other = photograph("a/photo.jpg"), photograph("b/photo.jpg"), photograph("b/other.jpg")
    crowd(storage(), "a/photo.jpg")
    result = delete_unused(storage(), ["a/photo.jpg", "b/photo.jpg", "b/other.jpg"])
    assert result.kept == {
        "a/photo.jpg": "Used by: legacy photo.",
        "b/photo.jpg": "Too many rows have files of this name: legacy photo.",
    }
    assert (used.exists(), unsure.exists(), other.exists()) == (True, True, False)


def test_file_whose_name_too_many_rows_of_another_storage_have(media, photograph, crowd, tmp_path):
    path = photograph("a/photo.jpg")
    crowd(FileSystemStorage(location=tmp_path / "elsewhere"), "a/photo.jpg")
    kept = delete_unused(storage(), ["a/photo.jpg"]).kept
    assert kept == {"a/photo.jpg": "Too many rows have files of this name: legacy photo."}
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


def test_storage_is_asked_about_so_many_objects_and_the_file_stays(media, photograph, add_model, monkeypatch):
    monkeypatch.setattr(deletion, "MAX_QUESTIONS", 2)
    photograph("a/b/c/photo.jpg")
    model = add_model(Remote(location=media / "nowhere"))
    for name, is_deleted in [("photo.jpg", True), ("c/photo.jpg", True), ("b/c/photo.jpg", False)]:
        model.objects.create(file=name)
        assert bool(find_reasons_to_keep(storage(), ["a/b/c/photo.jpg"])) != is_deleted


def test_any_number_of_local_files_is_compared(media, photograph, monkeypatch):
    monkeypatch.setattr(deletion, "MAX_QUESTIONS", 0)
    photograph("a/photo.jpg")
    photograph("b/photo.jpg")
    ImageAsset.objects.bulk_create([ImageAsset(image="b/photo.jpg")])
    assert delete_unused(storage(), ["a/photo.jpg"]).deleted


def test_table_that_cannot_be_read_leaves_the_callers_transaction_sound(media, photograph, add_model):
    photograph("photo.jpg")
    model = add_model(storage())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hashing_legacyphoto RENAME COLUMN file TO other")
    with transaction.atomic():
        assert delete_unused(storage(), ["photo.jpg"]).kept.keys() == {"photo.jpg"}
        assert model.objects.count() == 0


@pytest.fixture
def images() -> FileColumn:
    """The column of the image assets: three whose size is not known, and three of five bytes."""
    facts = {"perceptual_hash": "0" * 16, "file_size": 5}
    for number in range(3):
        rows = [ImageAsset(image=f"new{number}.jpg"), ImageAsset(image=f"old{number}.jpg", **facts)]
        ImageAsset.objects.bulk_create(rows)
    return FileColumn(ImageAsset, ImageAsset.image.field, "default", default_storage)


def test_images_of_a_size_are_found_with_those_of_unknown_size(images, monkeypatch):
    of_size, unsized = {f"old{number}.jpg" for number in range(3)}, {f"new{number}.jpg" for number in range(3)}
    monkeypatch.setattr(references, "MAX_UNSIZED", 3)
    assert images.names_by_size([5]) == of_size | unsized
    assert images.names_by_size([6]) == unsized
    monkeypatch.setattr(references, "MAX_UNSIZED", 2)
    assert images.names_by_size([5]) == of_size


@pytest.mark.parametrize(("limit", "is_kept"), [(3, False), (2, True)])
def test_file_of_a_size_that_too_many_images_have(images, media, monkeypatch, limit, is_kept):
    monkeypatch.setattr(references, "MAX_UNSIZED", 0)
    monkeypatch.setattr(references, "MAX_OF_SIZE", limit)
    (media / "unused.jpg").write_bytes(b"12345")
    kept = {"unused.jpg": "Too many images have files of this size."} if is_kept else {}
    assert delete_unused(storage(), ["unused.jpg"]).kept == kept
    assert (media / "unused.jpg").exists() == is_kept
