from __future__ import annotations

import pytest
from django.apps.registry import Apps
from django.core import checks
from django.db import ConnectionHandler, connections

from hashing.checks import (
    check_admin_actions,
    check_database_vendor,
    check_settings,
    check_sqlite,
    check_storage,
    check_upload_task,
)
from hashing.conf import hashing_settings
from hashing.limits import DEFAULT_MAX_PIXELS


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


def test_settings_that_are_no_dict_are_an_error(settings):
    assert found(settings, ["MIN_QUALITY"]) == [("hashing.E001", "HASHING must be a dict.")]


def test_an_unknown_key_is_an_error_and_changes_nothing(settings):
    assert found(settings, {"MIN_QUALTY": 3}) == [("hashing.E002", "HASHING has no key 'MIN_QUALTY'.")]
    assert hashing_settings().MIN_QUALITY == 35


@pytest.mark.parametrize(
    "wrong",
    [
        {"MAX_PIXELS": 0},
        {"MIN_QUALITY": 101},
        {"MIN_QUALITY": "55"},
        {"MIN_QUALITY": 40.5},
        {"TIMEOUT": 0},
        {"TIMEOUT": True},
    ],
)
def test_a_value_that_makes_no_sense_is_an_error(settings, wrong):
    ((check_id, message),) = found(settings, wrong)
    assert check_id == "hashing.E003"
    assert next(iter(wrong)) in message


@pytest.mark.parametrize(
    "given", [{}, {"ON_UPLOAD": "task", "ACTION_LIMIT": 1}, {"ON_UPLOAD": "off"}, {"ON_UPLOAD": "inline"}]
)
def test_accepts_values_that_make_sense(settings, given):
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


def test_says_when_there_is_no_tasks_interface(settings, monkeypatch):
    settings.HASHING = {"ON_UPLOAD": "task"}
    monkeypatch.setattr("hashing.checks.find_spec", lambda name: None)
    [error] = check_settings()
    assert error.id == "hashing.E004"


@pytest.fixture
def sqlite(monkeypatch):
    def configure(name: str = "db.sqlite3", **options) -> None:
        settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}
        monkeypatch.setattr("hashing.checks.connections", ConnectionHandler({"default": settings}))

    return configure


@pytest.mark.parametrize("options", [{}, {"transaction_mode": "DEFERRED"}])
def test_sqlite_with_deferred_transactions_is_a_warning(sqlite, options):
    sqlite(**options)
    [message] = check_sqlite()
    assert message.id == "hashing.W001"
    assert "SQLite database 'default'" in message.msg
    assert """DATABASES['default']['OPTIONS'] to {"transaction_mode": "IMMEDIATE", "timeout": 30""" in message.hint


@pytest.mark.parametrize(
    "options",
    [
        {"transaction_mode": "immediate"},
        {"transaction_mode": "EXCLUSIVE"},
        {"name": ":memory:"},
        {"name": "file:memorydb_default?mode=memory&cache=shared"},
    ],
)
def test_sqlite_that_can_have_two_writers_or_has_one_is_fine(sqlite, options):
    sqlite(**options)
    assert check_sqlite() == []


def test_sqlite_without_images_is_fine(sqlite, monkeypatch):
    sqlite()
    monkeypatch.setattr("hashing.checks.router.allow_migrate", lambda *_arguments, **_hints: False)
    assert check_sqlite() == []


ADMIN = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages"]


@pytest.mark.parametrize(
    ("installed", "check_id"),
    [
        (["hashing", *ADMIN], "hashing.E005"),
        (["hashing", *ADMIN, "admin_actions"], "hashing.E006"),
        (["hashing", "admin_actions", *ADMIN], None),
        ([*ADMIN[1:], "hashing"], None),
    ],
)
def test_the_buttons_need_an_app_before_the_admin(monkeypatch, installed, check_id):
    monkeypatch.setattr("hashing.checks.apps", Apps(installed))
    messages = check_admin_actions()
    assert [message.id for message in messages] == ([check_id] if check_id else [])
    assert all("before 'django.contrib.admin' in INSTALLED_APPS" in message.hint for message in messages)


def test_a_database_without_a_search_is_an_error(monkeypatch):
    monkeypatch.setattr(connections["default"], "vendor", "mysql", raising=False)
    [error] = check_database_vendor()
    assert (error.id, "is mysql" in error.msg) == ("hashing.E007", True)


def test_the_database_of_the_images_counts(monkeypatch):
    monkeypatch.setattr(connections["default"], "vendor", "mysql", raising=False)
    other = ConnectionHandler({"default": {}, "images": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
    monkeypatch.setattr("hashing.checks.connections", other)
    monkeypatch.setattr("hashing.checks.router.db_for_write", lambda *_arguments, **_hints: "images")
    assert check_database_vendor() == []


def test_files_in_the_memory_of_one_process_are_a_warning(settings):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    [message] = check_storage()
    assert message.id == "hashing.W002"


def test_an_empty_media_root_is_a_warning(settings, tmp_path):
    settings.MEDIA_ROOT = ""
    [message] = check_storage()
    assert message.id == "hashing.W003"
    settings.MEDIA_ROOT = tmp_path
    assert check_storage() == []


def test_uploads_left_to_a_backend_that_runs_nothing_are_a_warning(settings):
    immediate = settings.TASKS["default"]["BACKEND"]
    dummy = immediate.replace("immediate.ImmediateBackend", "dummy.DummyBackend")
    settings.HASHING = {"ON_UPLOAD": "task"}
    assert check_upload_task() == []
    settings.TASKS = {"default": {"BACKEND": dummy}}
    [message] = check_upload_task()
    assert message.id == "hashing.W004"
    settings.HASHING = {"ON_UPLOAD": "inline"}
    assert check_upload_task() == []


def test_the_site_of_this_repository_passes_all_checks():
    assert checks.run_checks(tags=["hashing"]) == []
