"""The time of the database, in the form in which its rows store times."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import functions
from django.db.models.sql.compiler import SQLCompiler


class Now(functions.Now):
    """Django's function, which on SQLite is always UTC, while rows have local times where `USE_TZ` is off."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        if settings.USE_TZ:
            return super().as_sqlite(compiler, connection, **context)
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW', 'localtime')"
        return self.as_sql(compiler, connection, template=template, **context)
