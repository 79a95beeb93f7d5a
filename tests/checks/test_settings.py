from __future__ import annotations

import os

import pytest
from django.core import checks

from hashing.checks.settings import check_settings, check_storage
from hashing.conf import hashing_settings
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS


def found(settings, value: object) -> list[tuple[str | None, str]]:
    settings.HASHING = value
    return [(message.id, message.msg) for message in check_settings()]


def test_defaults_hold_where_nothing_is_set(settings):
    del settings.HASHING
    assert check_settings() == []
    assert (hashing_settings().MAX_PIXELS, hashing_settings().MIN_QUALITY) == (DEFAULT_MAX_PIXELS, 35)


def test_a_value_that_is_set_holds(settings):
    settings.HASHING = {"MIN_QUALITY": 30}
    assert check_settings() == []
    assert hashing_settings().MIN_QUALITY == 30


def test_settings_that_are_not_a_dict_are_an_error(settings):
    assert found(settings, ["MIN_QUALITY"]) == [("hashing.E001", "HASHING must be a dict.")]


def test_an_unknown_key_is_an_error_and_changes_nothing(settings):
    assert found(settings, {"MIN_QUALTY": 3}) == [("hashing.E002", "HASHING has no key 'MIN_QUALTY'.")]
    assert hashing_settings().MIN_QUALITY == 35


@pytest.mark.parametrize(
    "wrong",
    [
        {"MAX_PIXELS": 0},
        {"MAX_MEMORY": 1000},
        {"PAGE_MAX_MEMORY": None},
        {"PAGE_MAX_MEMORY": 1000},
        {"PAGE_MAX_PIXELS": 0},
        {"PAGE_TIMEOUT": 0},
        {"MIN_QUALITY": 101},
        {"MIN_QUALITY": "55"},
        {"MIN_QUALITY": 40.5},
        {"TIMEOUT": 0},
        {"TIMEOUT": True},
        {"KEEPER": "pixels"},
        {"KEEPER": None},
        {"KEEPER": ["pixels", "size"]},
        {"KEEPER": [["pixels"]]},
    ],
)
def test_an_invalid_value_is_an_error(settings, wrong):
    ((check_id, message),) = found(settings, wrong)
    assert check_id == "hashing.E003"
    assert next(iter(wrong)) in message


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"MAX_MEMORY": None, "PAGE_TIMEOUT": 0.5},
        {"ON_UPLOAD": "task", "ACTION_LIMIT": 1},
        {"ON_UPLOAD": "off"},
        {"ON_UPLOAD": "inline"},
    ],
)
def test_valid_values_are_accepted(settings, given):
    settings.HASHING = given
    assert check_settings() == []


@pytest.mark.parametrize(
    "given",
    [
        {"ON_UPLOAD": "later"},
        {"ON_UPLOAD": None},
        {"ACTION_LIMIT": 0},
        {"ACTION_LIMIT": "many"},
        {"ACTION_LIMIT": True},
        {"ACTION_LIMIT": 2.5},
        {"MAX_DISTANCE": -1},
        {"MAX_DISTANCE": 385},
        {"MAX_DISTANCE": 2.5},
        {"MAX_DISTANCE": "far"},
        {"MAX_BYTES": 0},
        {"MAX_BYTES": 5e8},
    ],
)
def test_names_the_key_with_a_wrong_value(settings, given):
    settings.HASHING = given
    [error] = check_settings()
    assert error.id == "hashing.E003"
    assert next(iter(given)) in error.msg


def test_the_site_of_this_repository_passes_all_checks():
    assert checks.run_checks(tags=["hashing"]) == []


def test_a_key_that_is_not_a_text_is_unknown(settings):
    assert found(settings, {3: 1, "MIN_QUALTY": 2})[0] == ("hashing.E002", "HASHING has no key '3'.")


def storage_problems() -> list[tuple[str, str]]:
    return [(message.id, message.msg) for message in check_storage()]


def test_files_in_the_memory_of_one_process_are_a_warning(settings):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    [(check_id, _)] = storage_problems()
    assert check_id == "hashing.W002"


@pytest.mark.parametrize("root", ["", "media"])
def test_a_folder_that_depends_on_where_a_process_starts_is_a_warning(settings, root):
    settings.MEDIA_ROOT = root
    [(check_id, _)] = storage_problems()
    assert check_id == "hashing.W003"


@pytest.mark.parametrize("below", ["", "media", "srv/site/media"])
def test_a_folder_that_is_there_or_can_be_made_is_fine(settings, tmp_path, below):
    settings.MEDIA_ROOT = tmp_path / below
    assert storage_problems() == []


@pytest.mark.parametrize("below", ["", "media"])
def test_a_file_in_the_place_of_a_folder_is_a_warning(settings, tmp_path, below):
    (tmp_path / "file").write_text("")
    settings.MEDIA_ROOT = tmp_path / "file" / below
    [(check_id, message)] = storage_problems()
    assert check_id == "hashing.W006"
    assert message.endswith(f"{tmp_path / 'file'} is not a folder.")


@pytest.mark.parametrize("below", ["", "media"])
def test_a_folder_that_may_not_be_written_to_is_a_warning(settings, tmp_path, monkeypatch, below):
    settings.MEDIA_ROOT = tmp_path / below
    # Root may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: mode & os.W_OK == 0)
    [(check_id, message)] = storage_problems()
    assert check_id == "hashing.W006"
    assert message.endswith(f"this process may not write to {tmp_path}.")
