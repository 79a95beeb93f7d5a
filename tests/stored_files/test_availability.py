from __future__ import annotations

from threading import Event

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, default_storage

from hashing.stored_files.availability import StorageUnavailable, call_with_timeout, check_storage, is_local
from servers.trap_storage import TrapStorage


def test_only_a_storage_of_plain_files_is_local(tmp_path):
    assert is_local(FileSystemStorage(tmp_path))
    assert is_local(default_storage)
    assert not is_local(TrapStorage(tmp_path))
    assert not is_local(InMemoryStorage())


def test_remote_storage_is_asked(tmp_path):
    storage = TrapStorage(location=tmp_path)
    check_storage(storage)
    (tmp_path / "DOWN").touch()
    with pytest.raises(StorageUnavailable, match="connection refused"):
        check_storage(storage)


def test_missing_folder_is_a_storage_that_is_unavailable(tmp_path):
    with pytest.raises(StorageUnavailable, match="No such file"):
        check_storage(FileSystemStorage(tmp_path / "missing"))


def test_message_cannot_steer_a_terminal():
    assert str(StorageUnavailable("gone\x1b[2J")) == r"gone\x1b[2J"


def test_call_returns_the_result():
    assert call_with_timeout(10, lambda: 7) == 7


def test_call_raises_the_error():
    with pytest.raises(ZeroDivisionError):
        call_with_timeout(10, lambda: 1 // 0)


def test_call_that_hangs_is_abandoned():
    answer = Event()
    with pytest.raises(TimeoutError):
        call_with_timeout(0.01, answer.wait)
    answer.set()
