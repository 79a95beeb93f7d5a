from __future__ import annotations

import importlib
import sys

import pytest
from django.apps.registry import Apps

from hashing.checks.packages import check_admin_actions, check_tasks, check_user_model

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
    monkeypatch.setattr("hashing.checks.packages.apps", Apps(installed))
    messages = check_admin_actions()
    assert [message.id for message in messages] == ([check_id] if check_id else [])
    assert all("before 'django.contrib.admin' in INSTALLED_APPS" in message.hint for message in messages)


def test_a_user_model_that_is_not_installed_is_an_error(settings):
    assert check_user_model() == []
    settings.AUTH_USER_MODEL = "people.Person"
    [error] = check_user_model()
    assert (error.id, "people.Person" in error.msg) == ("hashing.E011", True)
    assert "'django.contrib.auth' and 'django.contrib.contenttypes'" in error.hint


IMMEDIATE = "immediate.ImmediateBackend"


@pytest.fixture
def tasks(settings):
    """Set `TASKS` to a backend of Django, or of its backport."""
    module = settings.TASKS["default"]["BACKEND"].removesuffix(IMMEDIATE)

    def choose(backend: str, alias: str = "default", **options) -> list[tuple[str, str]]:
        settings.TASKS = {alias: {"BACKEND": module + backend, **options}}
        return [(message.id, message.msg) for message in check_tasks()]

    return choose


def test_a_backend_that_runs_tasks_is_fine(tasks):
    assert tasks(IMMEDIATE) == []


def test_a_backend_that_runs_nothing_is_a_warning(tasks):
    [(check_id, _)] = tasks("dummy.DummyBackend")
    assert check_id == "hashing.W004"


@pytest.mark.parametrize("is_imported", [True, False])
@pytest.mark.parametrize(
    ("backend", "options"),
    [
        (IMMEDIATE, {"QUEUES": ["low"]}),
        (IMMEDIATE, {"alias": "other"}),
        ("nothing.Backend", {}),
    ],
)
def test_a_backend_that_does_not_take_the_tasks_is_an_error(tasks, monkeypatch, backend, options, is_imported):
    if is_imported:
        importlib.import_module("hashing.tasks")
    else:
        monkeypatch.delitem(sys.modules, "hashing.tasks", raising=False)
    [(check_id, message)] = tasks(backend, **options)
    assert check_id == "hashing.E012"
    assert "does not take the tasks" in message


def test_uploads_as_tasks_need_the_interface(settings, monkeypatch):
    monkeypatch.setattr("hashing.checks.packages.find_spec", lambda name: None)
    assert check_tasks() == []
    settings.HASHING = {"ON_UPLOAD": "task"}
    [error] = check_tasks()
    assert error.id == "hashing.E004"
