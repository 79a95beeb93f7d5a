from __future__ import annotations

import shutil

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, default_storage

from hashing.backfill.storage_probe import FEW, Outage, StorageWatch, check_storage, is_local
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.models import ImageAsset
from hashing.workers.worker import Outcome
from tests.trap_storage import TrapStorage

pytestmark = pytest.mark.django_db

FINGERPRINT = Fingerprint("0" * 16, "0" * 16, "0" * 64, 80, 4, 3)


class ReadOnlyStorage(Storage):
    """As little of a storage as Django asks for."""

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


def watch(storage: Storage = default_storage) -> StorageWatch:
    return StorageWatch(storage, ImageAsset.objects.all())


def add_rows(*names: str, **fields) -> None:
    ImageAsset.objects.bulk_create(ImageAsset(image=name, **fields) for name in names)


def test_a_broken_picture_says_nothing_about_the_storage(media):
    shutil.rmtree(media)
    assert watch().find_outage([Outcome(1, "a.jpg", error="ValueError: broken")]) is None


def test_a_few_missing_files_are_missing_files(media):
    assert watch().find_outage(missing(FEW)) is None


def test_many_missing_files_and_none_that_is_there_are_an_outage(media):
    (media / ".gitkeep").touch()
    assert "none of 11 files is there" in str(watch().find_outage(missing(FEW + 1)))


def test_many_missing_files_beside_one_of_a_former_run_are_missing(media):
    (media / "old.jpg").touch()
    add_rows("old.jpg", perceptual_hash="0" * 16)
    assert watch().find_outage(missing(FEW + 1)) is None


def test_many_missing_files_beside_one_read_in_this_run_are_missing(media):
    (media / "there.jpg").touch()
    watching = watch()
    assert watching.find_outage([read("there.jpg")]) is None
    assert watching.find_outage(missing(FEW + 1)) is None


def test_a_file_read_a_moment_ago_that_is_gone_is_an_outage(media):
    (media / "other.jpg").touch()
    assert "a moment ago" in str(watch().find_outage([read("gone.jpg"), *missing()]))


def test_a_media_root_that_is_gone_is_an_outage(media):
    shutil.rmtree(media)
    assert "No such file or directory" in str(watch().find_outage(missing()))


def test_an_empty_media_root_below_many_rows_is_a_disk_not_mounted(media):
    add_rows(*(f"{number}.jpg" for number in range(FEW + 1)))
    assert "is empty" in str(watch().find_outage(missing()))


def test_a_remote_storage_is_asked(tmp_path):
    storage = TrapStorage(location=tmp_path)
    assert watch(storage).find_outage(missing()) is None
    (tmp_path / "DOWN").touch()
    assert "connection refused" in str(watch(storage).find_outage(missing()))
    with pytest.raises(Outage, match="connection refused"):
        check_storage(storage)


def test_a_storage_need_not_say_what_exists():
    assert watch(ReadOnlyStorage()).find_outage(missing()) is None


def test_a_storage_that_denies_what_is_not_there_is_believed_by_a_file_that_is(tmp_path, monkeypatch):
    storage = TrapStorage(location=tmp_path)
    monkeypatch.setattr(storage, "exists", lambda name: (_ for _ in ()).throw(PermissionError("403")))
    (tmp_path / "there.jpg").touch()
    assert watch(storage).find_outage([*missing(), read("there.jpg"), *missing()]) is None


class BucketlessStorage(InMemoryStorage):
    """As an object storage without the bucket: every name is missing, and only a listing fails."""

    def listdir(self, path: str):
        raise LookupError("no such bucket")


class FolderlessStorage(InMemoryStorage):
    """Has one folder, as a service of folders has, and raises what it likes for others."""

    def listdir(self, path: str):
        if path:
            raise LookupError("no such folder")
        return [], []


def test_a_storage_without_its_bucket_is_an_outage():
    assert "no such bucket" in str(watch(BucketlessStorage()).find_outage(missing()))


def test_a_storage_of_folders_is_there_when_its_outermost_folder_is():
    assert watch(FolderlessStorage()).find_outage(missing()) is None


class UnlistedStorage(ReadOnlyStorage):
    """Says what exists, and lists nothing."""

    def exists(self, name: str) -> bool:
        return False


def test_a_storage_need_not_list_its_files():
    assert watch(UnlistedStorage()).find_outage(missing()) is None


def test_witnesses_that_do_not_answer_are_not_asked_for_ever(monkeypatch):
    asked = []

    class Silent(InMemoryStorage):
        def _open(self, name, mode="rb"):
            asked.append(name)
            raise ConnectionError

    add_rows(*(f"{number}.jpg" for number in range(5)), perceptual_hash="0" * 16)
    watch(Silent()).find_outage(missing())
    assert len(asked) == 5
    asked.clear()
    monkeypatch.setattr("hashing.backfill.storage_probe.SECONDS_FOR_WITNESSES", 0)
    watch(Silent()).find_outage(missing())
    assert asked == []


def test_only_a_storage_of_plain_files_is_local(tmp_path):
    assert is_local(FileSystemStorage(tmp_path))
    assert is_local(default_storage)
    assert not is_local(TrapStorage(tmp_path))
    assert not is_local(InMemoryStorage())


def test_what_an_outage_says_cannot_steer_a_terminal():
    assert str(Outage("gone\x1b[2J")) == r"gone\x1b[2J"
