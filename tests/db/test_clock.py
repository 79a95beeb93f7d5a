from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from hashing.db import clock
from hashing.db.clock import DatabaseClock

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
