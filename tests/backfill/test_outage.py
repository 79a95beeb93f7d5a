from __future__ import annotations

import shutil

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, default_storage

from hashing.backfill.outage import ROWS_WITHOUT_FILES, Outage, check_storage, is_local
from tests.trap_storage import TrapStorage

MANY = ROWS_WITHOUT_FILES + 1


def test_a_media_root_with_files_is_there(media):
    (media / "file").touch()
    check_storage(default_storage, MANY)


def test_a_media_root_that_is_gone_is_an_outage(media):
    shutil.rmtree(media)
    with pytest.raises(Outage, match=r"The storage cannot be reached: .*No such file or directory"):
        check_storage(default_storage, 1)


def test_an_empty_media_root_below_many_rows_is_a_disk_not_mounted(media):
    with pytest.raises(Outage, match="is empty"):
        check_storage(default_storage, MANY)


def test_an_empty_media_root_below_a_few_rows_is_just_empty(media):
    check_storage(default_storage, ROWS_WITHOUT_FILES)


def test_a_remote_storage_is_asked(tmp_path):
    storage = TrapStorage(location=tmp_path)
    check_storage(storage, MANY)
    (tmp_path / "DOWN").touch()
    with pytest.raises(Outage, match="connection refused"):
        check_storage(storage, MANY)


def test_only_a_storage_of_plain_files_is_local(tmp_path):
    assert is_local(FileSystemStorage(tmp_path))
    assert is_local(default_storage)
    assert not is_local(TrapStorage(tmp_path))
    assert not is_local(InMemoryStorage())
