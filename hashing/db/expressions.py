from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from django.db.models import F, Field, Func, Lookup


class VendorFunc(Func):
    """A `Func` whose template on PostgreSQL differs from that on other databases.

    The autodetector and the writer of migrations take it for the plain `Func` with the general template, so that
    migrations need no class of the app.
    """

    def __init__(self, expression: Any, *, template: str, postgresql: str, output_field: Field[Any, Any]) -> None:
        super().__init__(expression, template=template, output_field=output_field)
        self.plain = Func(expression, template=template, output_field=output_field)
        self.postgresql_template = postgresql

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template=self.postgresql_template, **context)

    def deconstruct(self) -> Any:
        return self.plain.deconstruct()

    def __eq__(self, other: object) -> bool:
        return self.plain == (other.plain if isinstance(other, VendorFunc) else other)

    def __hash__(self) -> int:
        return hash(self.plain)


class HasKey(Lookup):
    """Whether a row has one of the `keys`, however many, which are passed as one parameter where the database can."""

    prepare_rhs = False

    def __init__(self, keys: Collection[Any]) -> None:
        super().__init__(F("pk"), tuple(keys))

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
        column, _ = compiler.compile(self.lhs)
        return column, [self.lhs.output_field.get_db_prep_value(key, connection) for key in self.rhs]
