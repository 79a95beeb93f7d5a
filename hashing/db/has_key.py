from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from django.db.models import BooleanField, Expression, F


class HasKey(Expression):
    """Whether a row has one of these keys. They are one parameter: thousands are slow, and too many an error."""

    conditional = True

    def __init__(self, keys: Collection[Any]) -> None:
        super().__init__(output_field=BooleanField())
        self._keys = keys
        self._sources: list[Any] = [F("pk")]

    def get_source_expressions(self) -> list[Any]:
        return self._sources

    def set_source_expressions(self, exprs: Any) -> None:
        self._sources = list(exprs)

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, tuple[Any, ...]]:
        column, values = self._column_and_values(compiler, connection)
        return f"{column} IN ({', '.join(['%s'] * len(values))})", tuple(values)

    def as_postgresql(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, tuple[Any, ...]]:
        column, values = self._column_and_values(compiler, connection)
        return f"{column} = ANY(%s)", (values,)

    def as_sqlite(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, tuple[Any, ...]]:
        column, values = self._column_and_values(compiler, connection)
        return f"{column} IN (SELECT value FROM json_each(%s))", (json.dumps(values),)

    def _column_and_values(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        (source,) = self._sources
        column, _ = compiler.compile(source)
        return column, [source.output_field.get_db_prep_value(key, connection) for key in self._keys]
