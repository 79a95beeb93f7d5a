from __future__ import annotations

import errno
import io

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from hashing.importing.copying import StorageRefusal, store_copy


class DyingDisk(io.BytesIO):
    def read(self, *arguments):
        raise OSError(errno.EIO, "Input/output error")


class FullStorage(InMemoryStorage):
    def _save(self, name, content):
        content.read(1)
        raise OSError(errno.ENOSPC, "No space left on device")


class BusyStorage(InMemoryStorage):
    """Somebody else stores the same name a moment before us."""

    def save(self, name, content, max_length=None):
        super().save(name, ContentFile(b"theirs"))
        return super().save(name, content, max_length)


def test_a_file_is_stored_under_its_name():
    storage = InMemoryStorage()
    assert store_copy(io.BytesIO(b"picture"), storage, "a/b.jpg") == ""
    assert storage.open("a/b.jpg").read() == b"picture"


@pytest.mark.parametrize("storage", [InMemoryStorage, FileSystemStorage])
def test_a_source_that_cannot_be_read_costs_only_itself(storage, tmp_path):
    made = storage(location=tmp_path)
    assert store_copy(DyingDisk(), made, "a.jpg") == "cannot be read: Input/output error"


def test_a_storage_that_takes_nothing_is_a_refusal():
    with pytest.raises(StorageRefusal, match=r"a.jpg cannot be stored: .*No space left"):
        store_copy(io.BytesIO(b"picture"), FullStorage(), "a.jpg")


def test_a_name_that_was_taken_meanwhile_leaves_no_stray_file():
    storage = BusyStorage()
    assert store_copy(io.BytesIO(b"ours"), storage, "a.jpg") == "being stored by another import"
    assert storage.listdir("") == ([], ["a.jpg"])
    assert storage.open("a.jpg").read() == b"theirs"
