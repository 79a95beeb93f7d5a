from __future__ import annotations

import uuid

import pytest
from botocore.exceptions import ClientError
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from storages.backends.s3 import S3Storage

from hashing.fingerprint.limits import FileTooLarge
from hashing.workers.s3 import is_s3, open_object, prepare_connections
from hashing.workers.storages import read_stored_file
from servers.s3_storage import storage_options


def storage_at(store, **options) -> S3Storage:
    return S3Storage(**(storage_options(store.endpoint, f"bucket-{uuid.uuid4()}") | options))


@pytest.fixture
def storage(object_store):
    made = storage_at(object_store, location="media")
    made.connection.create_bucket(Bucket=made.bucket_name)
    made.save("photos/ä b.jpg", ContentFile(b"content"))
    return made


class Encrypted(S3Storage):
    def _open(self, name, mode="rb"):
        with super()._open(name, mode) as file:
            return ContentFile(file.read()[::-1])


def test_a_file_is_read_with_one_request(storage, object_store):
    object_store.requests.clear()
    assert read_stored_file(storage, "photos/ä b.jpg", 100) == b"content"
    assert object_store.requests == {"GET": 1}


def test_the_content_is_the_same_as_through_the_storage(storage):
    with storage.open("photos/ä b.jpg") as file:
        assert read_stored_file(storage, "photos/ä b.jpg", 100) == file.read()


def test_a_file_with_too_many_bytes_is_not_fetched(storage):
    reserved = []
    with pytest.raises(FileTooLarge, match=r"7 bytes, more than MAX_BYTES \(6\)"):
        read_stored_file(storage, "photos/ä b.jpg", 6, reserved.append)
    assert reserved == []
    assert read_stored_file(storage, "photos/ä b.jpg", 7, reserved.append) == b"content"
    assert reserved == [7]


def test_a_missing_object_is_a_missing_file(storage):
    with pytest.raises(FileNotFoundError):
        open_object(storage, "gone.jpg")


def test_a_missing_bucket_is_not_a_missing_file(object_store):
    with pytest.raises(ClientError, match="NoSuchBucket"):
        open_object(storage_at(object_store), "photo.jpg")


def test_refused_credentials_are_not_a_missing_file(storage, object_store):
    object_store.refuses = True
    with pytest.raises(ClientError, match="AccessDenied"):
        open_object(storage, "photos/ä b.jpg")


def test_parameters_for_reading_are_sent(storage):
    storage.object_parameters = {"CacheControl": "max-age=1", "VersionId": "none-such"}
    with pytest.raises(ClientError, match="version"):
        open_object(storage, "photos/ä b.jpg")


def test_a_storage_that_transforms_content_is_not_bypassed(object_store):
    assert is_s3(storage_at(object_store))
    assert not is_s3(Encrypted(**storage_options(object_store.endpoint, "bucket")))
    assert not is_s3(storage_at(object_store, gzip=True))
    assert not is_s3(InMemoryStorage())


def test_a_storage_that_transforms_content_is_read_through_open(storage):
    encrypted = Encrypted(**storage_options(storage.endpoint_url, storage.bucket_name), location="media")
    assert read_stored_file(encrypted, "photos/ä b.jpg", 7) == b"tnetnoc"
    with pytest.raises(FileTooLarge):
        read_stored_file(encrypted, "photos/ä b.jpg", 6)


def test_every_thread_gets_a_connection(storage):
    prepare_connections(storage, 40)
    assert storage.client_config.max_pool_connections == 40
    prepare_connections(storage, 16)
    assert storage.client_config.max_pool_connections == 40
    assert read_stored_file(storage, "photos/ä b.jpg", 100) == b"content"


def test_invalid_settings_show_when_a_file_is_read(object_store):
    wrong = storage_at(object_store, endpoint_url="no address")
    prepare_connections(wrong, 16)
    with pytest.raises(ValueError, match="Invalid endpoint"):
        open_object(wrong, "photo.jpg")
