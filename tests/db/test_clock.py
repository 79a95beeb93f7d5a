from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from hashing.db import clock
from hashing.db.clock import Ago, DatabaseClock
from hashing.models import BackfillRun

pytestmark = pytest.mark.django_db


def test_clock_of_a_local_database_is_that_of_this_machine():
    # The database of the tests is on it.
    assert abs(DatabaseClock("default").now() - timezone.now()) < timedelta(minutes=1)


def test_machine_that_is_an_hour_late_gets_the_time_of_the_database(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no clock of its own.")
    right = timezone.now()

    class Late:
        now = staticmethod(lambda: timezone.now() - timedelta(hours=1))

    monkeypatch.setattr(clock, "timezone", Late)
    assert abs(DatabaseClock("default").now() - right) < timedelta(minutes=1)


def test_clock_is_read_once(django_assert_max_num_queries):
    database_clock = DatabaseClock("default")
    with django_assert_max_num_queries(1):
        assert database_clock.now() <= database_clock.now()


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("age", [timedelta(0), timedelta(seconds=1.5), timedelta(days=40)])
def test_a_time_ago_is_told_by_the_database(settings, use_tz, age):
    settings.USE_TZ = use_tz
    BackfillRun.objects.create(total=0, started_at=timezone.now(), heartbeat_at=Ago(age))
    stored = BackfillRun.objects.get().heartbeat_at
    assert abs(timezone.now() - age - stored) < timedelta(minutes=1)
    assert BackfillRun.objects.filter(heartbeat_at__gte=Ago(age + timedelta(minutes=2))).exists()
    assert not BackfillRun.objects.filter(heartbeat_at__lt=Ago(age + timedelta(minutes=2))).exists()


@pytest.mark.any_database
def test_a_time_ago_needs_no_function_in_python():
    if connection.vendor == "sqlite":
        assert "django_" not in str(BackfillRun.objects.filter(heartbeat_at__gte=Ago(timedelta(days=1))).query)
