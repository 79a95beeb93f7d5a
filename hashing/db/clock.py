"""The time of the database, which is the same for all machines; their own clocks differ."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import connections
from django.utils import timezone

from hashing.db.retry import retry_transient


class DatabaseClock:
    """Asked once, at the first need; then this machine's clock goes on from there. Raises what a query raises."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._ahead: timedelta | None = None

    def now(self) -> datetime:
        if self._ahead is None:
            self._ahead = _read_time(self._alias) - timezone.now()
        return timezone.now() + self._ahead


def _read_time(alias: str) -> datetime:
    # SQLite is on this machine.
    return retry_transient(partial(_ask, alias), alias) if connections[alias].vendor == "postgresql" else timezone.now()


def _ask(alias: str) -> datetime:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT CLOCK_TIMESTAMP()")
        [moment] = cursor.fetchone()
    found: datetime = moment
    return found
