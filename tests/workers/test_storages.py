from __future__ import annotations

import tracemalloc

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage

from hashing.fingerprint.limits import FileTooLarge
from hashing.workers.storages import read_stored_file


class OneFileStorage(Storage):
    """Opens the same file for every name."""

    def __init__(self, file: File) -> None:
        self.file = file

    def _open(self, name, mode="rb"):
        return self.file


class UnsizedFile(ContentFile):
    """A file of unknown size."""

    @property
    def size(self):
        raise NotImplementedError

    @size.setter
    def size(self, value): ...


class LyingFile(ContentFile):
    def __init__(self, content: bytes, told: int) -> None:
        super().__init__(content)
        self.size = told


def test_a_file_up_to_the_limit_is_read_completely():
    assert read_stored_file(OneFileStorage(ContentFile(b"12345")), "a", 5) == b"12345"


def test_a_file_with_too_large_a_size_is_not_read():
    file = LyingFile(b"1", told=6)
    with pytest.raises(FileTooLarge, match="6 bytes"):
        read_stored_file(OneFileStorage(file), "a", 5)
    assert file.tell() == 0


@pytest.mark.parametrize("file", [UnsizedFile(b"123456789"), LyingFile(b"123456789", told=3)])
def test_a_file_of_unknown_size_is_read_up_to_the_limit(file):
    with pytest.raises(FileTooLarge):
        read_stored_file(OneFileStorage(file), "a", 5)
    assert file.tell() == 6


def test_the_size_is_reserved_before_the_content_is_read():
    reserved = []
    read_stored_file(OneFileStorage(ContentFile(b"12345")), "a", 5, reserved.append)
    read_stored_file(OneFileStorage(UnsizedFile(b"12345")), "a", 5, reserved.append)
    assert reserved == [5, 0]


def test_reading_a_small_file_allocates_little(tmp_path):
    (tmp_path / "small.bin").write_bytes(b"content")
    tracemalloc.start()
    try:
        assert read_stored_file(FileSystemStorage(tmp_path), "small.bin", 512 << 20) == b"content"
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
