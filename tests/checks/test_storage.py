from __future__ import annotations

import os

import pytest

from hashing.checks.settings import check_storage


def found() -> list[tuple[str, str]]:
    return [(message.id, message.msg) for message in check_storage()]


def test_files_in_the_memory_of_one_process_are_a_warning(settings):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    [(check_id, _)] = found()
    assert check_id == "hashing.W002"


@pytest.mark.parametrize("root", ["", "media"])
def test_a_folder_that_depends_on_where_a_process_starts_is_a_warning(settings, root):
    settings.MEDIA_ROOT = root
    [(check_id, _)] = found()
    assert check_id == "hashing.W003"


@pytest.mark.parametrize("below", ["", "media", "srv/site/media"])
def test_a_folder_that_is_there_or_can_be_made_is_fine(settings, tmp_path, below):
    settings.MEDIA_ROOT = tmp_path / below
    assert found() == []


@pytest.mark.parametrize("below", ["", "media"])
def test_a_file_in_the_place_of_a_folder_is_a_warning(settings, tmp_path, below):
    (tmp_path / "file").write_text("")
    settings.MEDIA_ROOT = tmp_path / "file" / below
    [(check_id, message)] = found()
    assert check_id == "hashing.W006"
    assert message.endswith(f"{tmp_path / 'file'} is not a folder.")


@pytest.mark.parametrize("below", ["", "media"])
def test_a_folder_that_may_not_be_written_to_is_a_warning(settings, tmp_path, monkeypatch, below):
    settings.MEDIA_ROOT = tmp_path / below
    # Root may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: mode & os.W_OK == 0)
    [(check_id, message)] = found()
    assert check_id == "hashing.W006"
    assert message.endswith(f"this process may not write to {tmp_path}.")
