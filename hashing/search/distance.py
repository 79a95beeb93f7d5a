"""The Hamming distance of two hashes as an expression of the database."""

from __future__ import annotations

from typing import Any

from django.db import NotSupportedError
from django.db.models import Func, IntegerField

SQLITE_FUNCTION = "hashing_distance"


class HammingDistance(Func):
    """Bits in which two hexadecimal hashes of 64 bits differ; NULL when one of them is NULL."""

    function = SQLITE_FUNCTION
    arity = 2
    output_field = IntegerField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> tuple[str, Any]:
        check_vendor(connection)
        return super().as_sql(compiler, connection, *args, **extra)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        template, joiner = "bit_count(('x' || %(expressions)s)::bit(64))", ")::bit(64) # ('x' || "
        return self.as_sql(compiler, connection, template=template, arg_joiner=joiner)


def check_vendor(connection: Any) -> None:
    if connection.vendor not in ("postgresql", "sqlite"):
        raise NotSupportedError(f"Hashes are compared by PostgreSQL and SQLite, not by {connection.vendor}.")


def add_distance_to_sqlite(connection: Any, **_kwargs: Any) -> None:
    """Receiver of `connection_created`: SQLite counts no bits by itself."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(SQLITE_FUNCTION, 2, _distance, deterministic=True)


def _distance(one: str | None, other: str | None) -> int | None:
    return None if one is None or other is None else (int(one, 16) ^ int(other, 16)).bit_count()
