from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.handlers.base import BaseHandler
from django.db import DatabaseError, OperationalError, connections

from hashing.observability import health
from hashing.observability.health import HealthView
from tests.observability.conftest import FAILED, add_rows, add_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_cached_figures():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ask(rf):
    """Call the view and return its response."""

    def call(method: str = "get", user=None, **options):
        request = getattr(rf, method)("/health/")
        request.user = user or AnonymousUser()
        return HealthView.as_view(**{"public": True} | options)(request)

    return call


def test_figures_within_the_limits_are_in_order(ask):
    add_rows(2)
    response = ask(max_waiting=2)
    assert response.status_code == 200
    assert b'"status": "ok"' in response.content
    assert b'"waiting": 2' in response.content
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("limits", [{"max_waiting": 1}, {"max_failed": 0}, {"max_run_age": 60}])
def test_a_limit_that_is_exceeded_is_a_problem(ask, limits):
    add_rows(2), add_rows(1, **FAILED)
    response = ask(**limits)
    assert response.status_code == 503
    assert b'"status": "problem"' in response.content


def test_it_names_no_file_and_no_machine(ask):
    add_rows(1, **FAILED), add_run(ended=5, stopped="secret.jpg")
    assert b"secret" not in ask().content


def test_strangers_and_staff_without_the_permission_see_nothing(ask):
    user = User.objects.create_user("editor", is_staff=True)
    for each in (None, user):
        with pytest.raises(PermissionDenied):
            ask(public=False, user=each)


def test_staff_with_the_permission_see_it(ask):
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_imageasset"))
    assert ask(public=False, user=user).status_code == 200
    User.objects.update(is_staff=False)
    with pytest.raises(PermissionDenied):
        ask(public=False, user=User.objects.get())


def test_database_that_cannot_tell_who_asks_is_unknown(ask):
    class Lost:
        @property
        def is_active(self):
            raise OperationalError("connection refused")

    response = ask(public=False, user=Lost())
    assert response.status_code == 503
    assert b'"problems": ["database"]' in response.content


def test_cache_in_a_database_that_is_away_is_unknown(ask, monkeypatch):
    def fail(*_arguments):
        raise OperationalError("connection refused")

    monkeypatch.setattr(health.cache, "get", fail)
    assert ask().status_code == 503


def test_no_transaction_is_begun_before_the_view(monkeypatch):
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)
    view = HealthView.as_view()
    assert BaseHandler().make_view_atomic(view) is view


def test_only_reading_is_allowed(ask):
    assert ask("head").status_code == 200
    assert ask("post").status_code == ask("options").status_code == 405


def test_figures_are_collected_once_for_many_requests(ask, django_assert_num_queries):
    ask()
    with django_assert_num_queries(0):
        assert ask().status_code == 200
        # Limits apply to the figures that are stored.
        assert ask(max_run_age=60).status_code == 503


def test_a_database_that_cannot_be_read_is_asked_once(ask, monkeypatch, caplog):
    calls = []

    def fail(using):
        calls.append(using)
        raise DatabaseError("password=secret")

    monkeypatch.setattr(health, "collect_figures", fail)
    for _ in range(2):
        response = ask()
        assert (response.status_code, response.content) == (503, b'{"status": "unknown", "problems": ["database"]}')
    assert calls == ["default"]
