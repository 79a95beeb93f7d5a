from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import functions
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from hashing.db.retry import retry_transient


class Now(functions.Now):
    """Django's function in the local time of the rows where `USE_TZ` is off. Django's is in UTC on SQLite."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        if settings.USE_TZ:
            return super().as_sqlite(compiler, connection, **context)
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW', 'localtime')"
        return self.as_sql(compiler, connection, template=template, **context)


class Ago(Now):
    """The time of the database an `age` ago.

    On SQLite, `Now() - age` would be computed by a function in Python: threads that share a connection, as those of a
    live server for tests do, can wait there for one another forever.
    """

    def __init__(self, age: timedelta, **extra: Any) -> None:
        super().__init__(**extra)
        self.age = age

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        zone = "" if settings.USE_TZ else ", 'localtime'"
        age = f"-{self.age.total_seconds():.3f} seconds"
        template = f"STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW'{zone}, '{age}')"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        sql, params = super().as_postgresql(compiler, connection, **context)
        return f"({sql} - %s)", [*params, self.age]


class DatabaseClock:
    """The clock of the database, read once, and then continued by the clock of this machine."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._difference: timedelta | None = None

    def now(self) -> datetime:
        """Return the time of the database. The first call raises the errors of a query."""
        if self._difference is None:
            self._difference = read_time(self._alias) - timezone.now()
        return timezone.now() + self._difference


def read_time(alias: str) -> datetime:
    connection = connections[alias]
    if connection.vendor != "postgresql":
        # SQLite runs on this machine.
        return timezone.now()

    def query() -> datetime:
        with connection.cursor() as cursor:
            cursor.execute("SELECT CLOCK_TIMESTAMP()")
            [moment] = cursor.fetchone()
        return moment  # type: ignore[no-any-return]

    return retry_transient(query, alias)
