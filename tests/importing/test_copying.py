from __future__ import annotations

import errno
import fcntl
import io
import os
from threading import Thread

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from hashing.importing import copying
from hashing.importing.copying import FileRefusal, StorageRefusal, UnreadableSource, store_copy


class DyingDisk(io.BytesIO):
    def read(self, *arguments):
        raise OSError(errno.EIO, "Input/output error")


class FullStorage(InMemoryStorage):
    def _save(self, name, content):
        content.read(1)
        raise OSError(errno.ENOSPC, "No space left on device")


class BusyStorage(InMemoryStorage):
    """A storage in which another process stores the same name a moment earlier."""

    def save(self, name, content, max_length=None):
        super().save(name, ContentFile(b"theirs"))
        return super().save(name, content, max_length)


def test_a_file_is_stored_under_its_name():
    storage = InMemoryStorage()
    assert store_copy(io.BytesIO(b"picture"), storage, "a/b.jpg") == ""
    assert storage.open("a/b.jpg").read() == b"picture"


def refusing(error: Exception) -> InMemoryStorage:
    """A storage that refuses every file with this error."""

    class Refusing(InMemoryStorage):
        def _save(self, name, content):
            raise error

    return Refusing()


def client_error(code: str) -> Exception:
    error = Exception(f"An error occurred ({code}) when calling the PutObject operation: no")
    error.response = {"Error": {"Code": code}}
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENAMETOOLONG, "File name too long", "a.jpg"),
        OSError(errno.EINVAL, "Invalid argument", "a.jpg"),
        OSError(errno.ENOTDIR, "Not a directory", "a.jpg"),
        FileExistsError("/media/a exists and is not a directory."),
        OSError(errno.EFBIG, "File too large", "a.jpg"),
        SuspiciousFileOperation("Detected path traversal attempt in 'a.jpg'"),
        UnicodeEncodeError("ascii", "写", 0, 1, "ordinal not in range(128)"),
        client_error("KeyTooLongError"),
    ],
    ids=repr,
)
def test_a_refusal_of_a_name_or_size_is_about_the_file(error):
    with pytest.raises(FileRefusal, match=r"^cannot be stored: ") as refusal:
        store_copy(io.BytesIO(b"picture"), refusing(error), "a.jpg")
    assert refusal.value.is_certain


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EROFS, "Read-only file system"),
        OSError(errno.ESTALE, "Stale file handle"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        TimeoutError("timed out"),
        client_error("NoSuchBucket"),
        client_error("AccessDenied"),
    ],
    ids=repr,
)
def test_a_refusal_of_a_full_or_missing_storage_is_about_all_files(error):
    with pytest.raises(StorageRefusal, match=r"a\.jpg cannot be stored: "):
        store_copy(io.BytesIO(b"picture"), refusing(error), "a.jpg")


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "Permission denied"), RuntimeError("odd"), KeyError(1)]
)
def test_a_refusal_for_another_reason_is_uncertain(error):
    with pytest.raises(FileRefusal) as refusal:
        store_copy(io.BytesIO(b"picture"), refusing(error), "a.jpg")
    assert not refusal.value.is_certain


@pytest.mark.parametrize("storage", [InMemoryStorage, FileSystemStorage])
def test_a_source_that_cannot_be_read_is_reported(storage, tmp_path):
    made = storage(location=tmp_path)
    with pytest.raises(UnreadableSource, match="cannot be read: Input/output error"):
        store_copy(DyingDisk(), made, "a.jpg")


def test_a_storage_that_fails_while_it_reads_is_a_refusal():
    with pytest.raises(StorageRefusal, match=r"a.jpg cannot be stored: .*No space left"):
        store_copy(io.BytesIO(b"picture"), FullStorage(), "a.jpg")


def test_a_name_that_was_taken_meanwhile_leaves_no_stray_file():
    storage = BusyStorage()
    assert store_copy(io.BytesIO(b"ours"), storage, "a.jpg") == "being stored by another import"
    assert storage.listdir("") == ([], ["a.jpg"])
    assert storage.open("a.jpg").read() == b"theirs"


@pytest.fixture
def partial(tmp_path):
    """A storage with the first half of a file."""
    (tmp_path / "a.jpg").write_bytes(b"pict")
    return FileSystemStorage(location=tmp_path)


def test_an_incomplete_copy_is_made_again(partial, tmp_path):
    assert store_copy(io.BytesIO(b"picture"), partial, "a.jpg") == ""
    assert (tmp_path / "a.jpg").read_bytes() == b"picture"


def test_a_copy_that_another_import_is_writing_is_left_alone(partial, tmp_path):
    with (tmp_path / "a.jpg").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert store_copy(io.BytesIO(b"picture"), partial, "a.jpg") == "being stored by another import"
        file.write(b"ure")
    assert (tmp_path / "a.jpg").read_bytes() == b"picture"
    assert store_copy(io.BytesIO(b"picture"), partial, "a.jpg") == ""


def test_a_copy_that_another_import_has_restarted_is_left_alone(partial, tmp_path, monkeypatch):
    flock = fcntl.flock

    def replace_first(descriptor, operation):
        (tmp_path / "new").write_bytes(b"pi")
        (tmp_path / "new").rename(tmp_path / "a.jpg")
        flock(descriptor, operation)

    monkeypatch.setattr(copying.fcntl, "flock", replace_first)
    assert store_copy(io.BytesIO(b"picture"), partial, "a.jpg") == "being stored by another import"
    assert (tmp_path / "a.jpg").read_bytes() == b"pi"


def test_another_file_under_the_name_is_never_overwritten(partial, tmp_path):
    assert store_copy(io.BytesIO(b"pic"), partial, "a.jpg") == "another file is stored under its name"
    assert store_copy(io.BytesIO(b"other"), partial, "a.jpg") == "another file is stored under its name"
    assert (tmp_path / "a.jpg").read_bytes() == b"pict"


def test_an_incomplete_copy_that_another_import_deletes_first_is_no_error(partial, monkeypatch):
    monkeypatch.setattr(partial, "exists", lambda _name: True)
    partial.delete("a.jpg")
    assert store_copy(io.BytesIO(b"picture"), partial, "a.jpg") == copying.BEING_STORED


def test_a_file_that_another_import_deletes_while_it_is_stored_is_stored_again(tmp_path, monkeypatch):
    storage = FileSystemStorage(location=tmp_path)
    stock, failures = storage._save, [FileNotFoundError(errno.ENOENT, "No such file or directory")]

    def save(name, content):
        if failures:
            raise failures.pop()
        return stock(name, content)

    monkeypatch.setattr(storage, "_save", save)
    assert store_copy(io.BytesIO(b"picture"), storage, "a.jpg") == ""
    assert (tmp_path / "a.jpg").read_bytes() == b"picture"


def test_imports_store_one_after_the_other(media):
    """Without the lock, a killed import could leave a copy behind under another name."""
    folder = os.open(media, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    storing = Thread(target=store_copy, args=(io.BytesIO(b"content"), FileSystemStorage(location=media), "a.jpg"))
    storing.start()
    storing.join(0.2)
    assert not (media / "a.jpg").exists()
    os.close(folder)
    storing.join()
    assert (media / "a.jpg").read_bytes() == b"content"
