from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import functions
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from hashing.db.retry import retry_transient


class Now(functions.Now):
    """Django's function, which on SQLite is always UTC, while rows have local times where `USE_TZ` is off."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        if settings.USE_TZ:
            return super().as_sqlite(compiler, connection, **context)
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW', 'localtime')"
        return self.as_sql(compiler, connection, template=template, **context)


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
