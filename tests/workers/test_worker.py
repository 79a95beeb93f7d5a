from __future__ import annotations

import hashlib
import os
import threading
import warnings
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import DefaultStorage, InMemoryStorage
from PIL import Image
from threadpoolctl import threadpool_info, threadpool_limits

from hashing.fingerprint.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_perceptual_hash
from hashing.workers import worker
from hashing.workers.storages import StorageAlias, StorageField, open_storage
from hashing.workers.worker import Job, hash_file, hash_files, hash_stored_file, start_worker
from samples.pictures import photo

STORAGE = StorageAlias("a storage")


@pytest.fixture(autouse=True)
def _ready(monkeypatch):
    monkeypatch.setattr(worker, "_max_pixels", DEFAULT_MAX_PIXELS)
    monkeypatch.setattr(worker, "_max_bytes", DEFAULT_MAX_BYTES)
    monkeypatch.setattr(worker, "_seconds_to_read", 20)
    monkeypatch.setattr(worker, "_max_memory", 0)


@pytest.fixture
def path(tmp_path):
    photo(size=(160, 120)).save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


@pytest.fixture
def worker_process(monkeypatch):
    """Restore everything that a worker changes in its process."""
    terminal = os.dup(2)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    for name in ("_max_pixels", "_max_bytes", "_seconds_to_read"):
        monkeypatch.setattr(worker, name, getattr(worker, name))
    with warnings.catch_warnings(), threadpool_limits(None):
        yield
    os.dup2(terminal, 2)
    os.close(terminal)


def test_a_worker_is_silent_has_one_thread_and_our_limit(worker_process, path):
    start_worker([], 100, DEFAULT_MAX_BYTES, 60)
    os.write(2, b"a decoder complains")
    assert os.path.samestat(os.fstat(2), Path(os.devnull).stat())
    assert {library["num_threads"] for library in threadpool_info()} <= {1}
    assert Image.MAX_IMAGE_PIXELS is None
    assert "more than the 100 allowed" in hash_file(Job(7, "photo.jpg", str(path))).error


def test_a_worker_finds_the_storage_of_a_field(settings):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    storage = open_storage(StorageField("hashing", "imageasset", "image"))
    assert isinstance(storage, DefaultStorage)
    assert storage is ImageAsset._meta.get_field("image").storage


def test_a_local_file_is_hashed(path):
    outcome = hash_file(Job(7, "photo.jpg", str(path)))
    assert (outcome.pk, outcome.name, outcome.error, outcome.unread) == (7, "photo.jpg", "", False)
    assert outcome.fingerprint.perceptual_hash == compute_perceptual_hash(path)
    assert (outcome.fingerprint.width, outcome.fingerprint.height) == (160, 120)
    assert outcome.file_size == path.stat().st_size
    assert outcome.file_digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_of_a_storage_is_hashed(path, monkeypatch):
    storage = InMemoryStorage()
    with path.open("rb") as file:
        storage.save("there.jpg", file)
    monkeypatch.setattr(worker, "open_storage", lambda _reference: storage)
    outcome = hash_file(Job(7, "there.jpg", storage=STORAGE))
    assert outcome.fingerprint.perceptual_hash == compute_perceptual_hash(path)
    assert outcome.file_size == path.stat().st_size


def test_a_chunk_of_local_files_keeps_its_order_and_is_timed(path):
    outcomes, seconds = hash_files([Job(2, "b", str(path)), Job(1, "a", str(path))])
    assert [outcome.pk for outcome in outcomes] == [2, 1]
    assert seconds > 0


def test_a_missing_file_is_unread(tmp_path):
    outcome = hash_file(Job(7, "gone.jpg", str(tmp_path / "gone.jpg")))
    assert (outcome.error, outcome.unread, outcome.missing) == ("File not found at gone.jpg", True, True)


def test_a_folder_is_not_a_file(tmp_path):
    outcome = hash_file(Job(7, "folder.jpg", str(tmp_path)))
    assert outcome.error == "OSError: not a regular file at folder.jpg"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_unread(path):
    path.chmod(0)
    outcome = hash_file(Job(7, "photo.jpg", str(path)))
    assert (outcome.error, outcome.unread) == ("PermissionError: Permission denied at photo.jpg", True)


def test_a_broken_picture_counts_as_read(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    outcome = hash_file(Job(7, "text.jpg", str(tmp_path / "text.jpg")))
    assert outcome.error == "ValueError: Failed to process image: not an image in a supported format"
    assert not outcome.unread
    assert outcome.file_size == len("no picture")
    assert outcome.file_digest == hashlib.sha256(b"no picture").hexdigest()
    assert outcome.declared_size is None


def test_a_picture_that_ends_early_has_a_digest_and_the_size_that_it_declares(path):
    content = path.read_bytes()[:2000]
    path.write_bytes(content)
    outcome = hash_file(Job(7, "photo.jpg", str(path)))
    assert outcome.error
    assert (outcome.file_size, outcome.file_digest) == (2000, hashlib.sha256(content).hexdigest())
    assert outcome.declared_size == (160, 120)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="this system has no file that never can be read")
def test_a_file_that_fails_while_it_is_read_is_unread():
    outcome = hash_file(Job(7, "photo.jpg", "/proc/self/mem"))
    assert outcome.unread
    assert (outcome.file_size, outcome.file_digest, outcome.declared_size) == (None, None, None)


def test_too_little_memory_does_not_make_a_file_broken(path, monkeypatch):
    def run_out_of_memory(*_args):
        raise MemoryError

    monkeypatch.setattr("hashing.fingerprint.compute.shrink", run_out_of_memory)
    outcome = hash_file(Job(7, "photo.jpg", str(path)))
    assert outcome.error == "MemoryError: Failed to process image: needs more memory than there is"
    assert not outcome.unread


def test_a_row_without_a_name_is_not_an_outage():
    outcome = hash_file(Job(7, ""))
    assert (outcome.error, outcome.unread) == ("ValueError: The row names no file", False)


@pytest.mark.parametrize("raised", [ValueError("Expecting value: line 1"), SystemExit(0), KeyError("bucket")])
def test_an_error_of_the_storage_does_not_make_a_file_broken(raised):
    class Broken(InMemoryStorage):
        def _open(self, name, mode="rb"):
            raise raised

    outcome = hash_stored_file(Job(7, "a.jpg"), Broken(), DEFAULT_MAX_PIXELS)
    assert outcome.unread
    assert not outcome.missing
    assert outcome.error.startswith(f"{type(raised).__name__}: ")


def test_a_refused_name_is_passed_on():
    assert hash_file(Job(7, "../x", refusal="SuspiciousFileOperation: no")).error == "SuspiciousFileOperation: no"


def test_the_limit_of_pixels_applies(path, monkeypatch):
    monkeypatch.setattr(worker, "_max_pixels", 100)
    assert "160 x 120 pixels declared, more than the 100 allowed" in hash_file(Job(7, "photo.jpg", str(path))).error


def test_a_local_file_with_too_many_bytes_is_refused_without_reading(path, monkeypatch):
    monkeypatch.setattr(worker, "_max_bytes", 1000)
    outcome = hash_file(Job(7, "photo.jpg", str(path)))
    size = path.stat().st_size
    assert outcome.error == f"ValueError: Failed to process image: {size} bytes, more than MAX_BYTES (1000)"
    assert not outcome.unread


@pytest.fixture
def stored(path, monkeypatch):
    """Let the worker of this process read from a storage with two photographs and a text."""
    storage = InMemoryStorage()
    for name in ("a.jpg", "b.jpg"):
        storage.save(name, ContentFile(path.read_bytes()))
    storage.save("text.jpg", ContentFile(b"no picture"))
    monkeypatch.setattr(worker, "open_storage", lambda _reference: storage)
    worker.reader.cache_clear()
    return storage


def test_a_chunk_of_a_storage_is_hashed_file_by_file(stored, path):
    names = ["a.jpg", "gone.jpg", "", "text.jpg", "b.jpg"]
    outcomes, seconds = hash_files([Job(key, name, storage=STORAGE) for key, name in enumerate(names)])
    found = {outcome.pk: outcome for outcome in outcomes}
    assert [found[key].error.partition(":")[0] for key in range(5)] == [
        "",
        "File not found at gone.jpg",
        "ValueError",
        "ValueError",
        "",
    ]
    assert [found[key].name for key in range(5)] == names
    assert {found[key].fingerprint.perceptual_hash for key in (0, 4)} == {compute_perceptual_hash(path)}
    assert seconds > 0


def test_a_file_that_does_not_arrive_in_time_is_unread_and_delays_no_other(stored, monkeypatch):
    class Hanging(InMemoryStorage):
        def _open(self, name, mode="rb"):
            if name == "hangs.jpg":
                released.wait(20)
            return stored.open("a.jpg")

    released = threading.Event()
    monkeypatch.setattr(worker, "open_storage", lambda _reference: Hanging())
    monkeypatch.setattr(worker, "_seconds_to_read", 0.3)
    outcomes, _ = hash_files([Job(1, "hangs.jpg", storage=STORAGE), Job(2, "a.jpg", storage=STORAGE)])
    released.set()
    assert [(outcome.pk, outcome.error, outcome.unread) for outcome in outcomes] == [
        (2, "", False),
        (1, "TimeoutError: Not read within 0.3 seconds at hangs.jpg", True),
    ]


def test_pictures_are_decoded_in_one_thread(stored, monkeypatch):
    decoding = set()

    def note_thread(*arguments):
        decoding.add(threading.get_ident())
        return plain(*arguments)

    plain = worker.hash_picture
    monkeypatch.setattr(worker, "hash_picture", note_thread)
    hash_files([Job(key, "a.jpg", storage=STORAGE) for key in range(8)])
    assert decoding == {threading.get_ident()}
