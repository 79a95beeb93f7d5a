"""Files are kept while a database or a storage is unavailable."""

from __future__ import annotations

import logging

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from hashing.stored_files import file_columns, references
from hashing.stored_files.deletion import delete_unused
from tests.db.faults import FailingOnce
from tests.stored_files.conftest import Silent, storage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("error", [DatabaseError, InterfaceError])
def test_lost_connection_keeps_the_file(media, photograph, monkeypatch, error):
    def fail(*_arguments):
        raise error("connection is closed")

    path = photograph("photo.jpg")
    monkeypatch.setattr(references, "file_columns", fail)
    kept = delete_unused(storage(), ["photo.jpg"]).kept
    assert kept == {"photo.jpg": "The database “default” cannot be read."}
    assert path.exists()


def test_deadlock_is_retried(media, photograph, monkeypatch):
    def deadlock():
        raise OperationalError("deadlock detected")

    photograph("photo.jpg")
    monkeypatch.setattr(file_columns, "RETRY_PAUSES", (0,))
    with connection.execute_wrapper(FailingOnce("SUBSTR", deadlock)):
        assert delete_unused(storage(), ["photo.jpg"]).deleted


class Locked(FileSystemStorage):
    """A storage in which the status of a file cannot be read."""

    def path(self, name):
        raise PermissionError(13, "locked")


def test_file_whose_status_cannot_be_read_is_kept(media, photograph, add_model):
    photograph("photo.jpg")
    assert delete_unused(Locked(), ["photo.jpg"]).kept == {"photo.jpg": "It cannot be read: [Errno 13] locked"}
    add_model(Locked()).objects.create(file="elsewhere/photo.jpg")
    kept = delete_unused(storage(), ["photo.jpg"]).kept
    assert kept == {"photo.jpg": "It may be the file “elsewhere/photo.jpg”, which is used by: legacy photo."}


def test_unreadable_database_keeps_the_file(media, photograph, other_database, tmp_path, caplog):
    path = photograph("photo.jpg")
    (tmp_path / "other.sqlite3").write_bytes(b"this is no database" * 100)
    with caplog.at_level(logging.ERROR, "hashing"):
        result = delete_unused(storage(), ["photo.jpg"])
    assert result.kept == {"photo.jpg": "The database “other” cannot be read."}
    assert path.exists()
    assert "database other cannot be read" in caplog.text


def test_unavailable_storage_keeps_the_file(media, photograph, add_model):
    path = photograph("a/photo.jpg")
    add_model(Silent()).objects.create(file="photo.jpg")
    kept = delete_unused(storage(), ["a/photo.jpg"]).kept
    assert kept == {"a/photo.jpg": "It may be the file “photo.jpg”, which is used by: legacy photo."}
    assert path.exists()


def test_unreadable_table_does_not_break_the_transaction(media, photograph, add_model):
    photograph("photo.jpg")
    model = add_model(storage())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hashing_legacyphoto RENAME COLUMN file TO other")
    with transaction.atomic():
        assert delete_unused(storage(), ["photo.jpg"]).kept.keys() == {"photo.jpg"}
        assert model.objects.count() == 0
