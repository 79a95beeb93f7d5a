from __future__ import annotations

import shutil

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage, default_storage

from hashing.backfill.storage_probe import MAX_UNEXPLAINED_MISSING, StorageProbe
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.models import ImageAsset
from hashing.workers.worker import Outcome
from servers.trap_storage import TrapStorage

pytestmark = pytest.mark.django_db

FINGERPRINT = Fingerprint("0" * 16, "0" * 16, "0" * 64, 80, 4, 3)


class ReadOnlyStorage(Storage):
    """Implements the least that Django asks for."""

    def _open(self, name: str, mode: str = "rb"):
        if name != "there.jpg":
            raise FileNotFoundError(name)
        return ContentFile(b"x", name)


def read(name: str) -> Outcome:
    return Outcome(1, name, FINGERPRINT, 1)


def missing(count: int = 1) -> list[Outcome]:
    return [
        Outcome(number, f"{number}.jpg", error="File not found", unread=True, missing=True) for number in range(count)
    ]


def probe(storage: Storage = default_storage) -> StorageProbe:
    return StorageProbe(storage, ImageAsset.objects.all())


def add_rows(*names: str, **fields) -> None:
    ImageAsset.objects.bulk_create(ImageAsset(image=name, **fields) for name in names)


def test_broken_image_is_no_outage(media):
    shutil.rmtree(media)
    assert probe().find_outage([Outcome(1, "a.jpg", error="ValueError: broken")]) is None


def test_few_missing_files_are_no_outage(media):
    assert probe().find_outage(missing(MAX_UNEXPLAINED_MISSING)) is None


def test_only_missing_files_are_an_outage(media):
    (media / ".gitkeep").touch()
    assert "none of 11 files is there" in str(probe().find_outage(missing(MAX_UNEXPLAINED_MISSING + 1)))


def test_many_missing_files_are_no_outage_if_one_of_an_earlier_run_is_there(media):
    (media / "old.jpg").touch()
    add_rows("old.jpg", perceptual_hash="0" * 16)
    assert probe().find_outage(missing(MAX_UNEXPLAINED_MISSING + 1)) is None


def test_many_missing_files_are_no_outage_if_one_was_read_in_this_run(media):
    (media / "there.jpg").touch()
    reused = probe()
    assert reused.find_outage([read("there.jpg")]) is None
    assert reused.find_outage(missing(MAX_UNEXPLAINED_MISSING + 1)) is None


def test_missing_file_that_was_read_a_moment_ago_is_an_outage(media):
    (media / "other.jpg").touch()
    assert "a moment ago" in str(probe().find_outage([read("gone.jpg"), *missing()]))


def test_missing_media_root_is_an_outage(media):
    shutil.rmtree(media)
    assert "No such file or directory" in str(probe().find_outage(missing()))


def test_empty_media_root_of_many_rows_is_an_outage(media):
    add_rows(*(f"{number}.jpg" for number in range(MAX_UNEXPLAINED_MISSING + 1)))
    assert "is empty" in str(probe().find_outage(missing()))


def test_remote_storage_is_asked(tmp_path):
    storage = TrapStorage(location=tmp_path)
    assert probe(storage).find_outage(missing()) is None
    (tmp_path / "DOWN").touch()
    assert "connection refused" in str(probe(storage).find_outage(missing()))


def test_storage_need_not_implement_exists():
    assert probe(ReadOnlyStorage()).find_outage(missing()) is None


def test_storage_that_denies_missing_files_is_up_if_another_file_can_be_read(tmp_path, monkeypatch):
    storage = TrapStorage(location=tmp_path)
    monkeypatch.setattr(storage, "exists", lambda name: (_ for _ in ()).throw(PermissionError("403")))
    (tmp_path / "there.jpg").touch()
    assert probe(storage).find_outage([*missing(), read("there.jpg"), *missing()]) is None


class BucketlessStorage(InMemoryStorage):
    """Like an object storage without its bucket: every name is missing, and only listing fails."""

    def listdir(self, path: str):
        raise LookupError("no such bucket")


class FolderlessStorage(InMemoryStorage):
    """Has one folder, and raises an unusual error for others."""

    def listdir(self, path: str):
        if path:
            raise LookupError("no such folder")
        return [], []


def test_missing_bucket_is_an_outage():
    assert "no such bucket" in str(probe(BucketlessStorage()).find_outage(missing()))


def test_storage_of_folders_is_up_if_its_root_can_be_listed():
    assert probe(FolderlessStorage()).find_outage(missing()) is None


class UnlistedStorage(ReadOnlyStorage):
    """Implements exists(), and not listdir()."""

    def exists(self, name: str) -> bool:
        return False


def test_storage_need_not_implement_listdir():
    assert probe(UnlistedStorage()).find_outage(missing()) is None


def test_probing_ends_after_the_timeout(monkeypatch):
    asked = []

    class Silent(InMemoryStorage):
        def _open(self, name, mode="rb"):
            asked.append(name)
            raise ConnectionError

    add_rows(*(f"{number}.jpg" for number in range(5)), perceptual_hash="0" * 16)
    probe(Silent()).find_outage(missing())
    assert len(asked) == 5
    asked.clear()
    monkeypatch.setattr("hashing.backfill.storage_probe.PROBE_TIMEOUT", 0)
    probe(Silent()).find_outage(missing())
    assert asked == []
