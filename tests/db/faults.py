"""Errors of a real database, made for tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection, connections

only_postgresql = pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="needs PostgreSQL"
)


def cut_connection(alias: str = "default") -> None:
    """End this process's session from another one, as a server does with one that was idle for too long."""
    cut = connections[alias]
    with cut.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    with other_session(alias) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@contextmanager
def other_session(alias: str = "default") -> Iterator[Any]:
    """A cursor on a connection of its own, in autocommit."""
    with closing(connections[alias].copy()) as other, other.cursor() as cursor:
        yield cursor


class FailingOnce:
    """An `execute_wrapper` that calls `fault` before the first statement that contains `text`."""

    def __init__(self, text: str, fault: Callable[[], None]) -> None:
        self.text, self.fault, self.calls = text, fault, 0

    def __call__(self, execute, sql, params, many, context):
        if self.text in sql:
            self.calls += 1
            if self.calls == 1:
                self.fault()
        return execute(sql, params, many, context)


@contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """A setting of this PostgreSQL session, inside the block."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET {name} = '{value}'")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"RESET {name}")


@contextmanager
def refused_row(key: int, statement: str = "UPDATE", condition: str = "true") -> Iterator[None]:
    """A trigger that refuses to update, or to delete, one image where `condition` holds, inside the block."""
    row, table = ("OLD" if statement == "DELETE" else "NEW"), "hashing_imageasset"
    create = (
        f"CREATE TRIGGER refuse BEFORE {statement} ON {table} WHEN {row}.id = {key} AND {condition}"
        " BEGIN SELECT RAISE(ABORT, 'this row is refused'); END"
    )
    drop = "DROP TRIGGER refuse"
    if connection.vendor == "postgresql":
        create = (
            f"CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN IF {row}.id = {key} AND {condition} THEN"
            " RAISE integrity_constraint_violation USING MESSAGE = 'this row is refused'; END IF;"
            f" RETURN {row}; END $$ LANGUAGE plpgsql;"
            f" CREATE TRIGGER refuse BEFORE {statement} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        drop = f"DROP TRIGGER refuse ON {table}; DROP FUNCTION refuse()"
    with connection.cursor() as cursor:
        cursor.execute(create)
    yield
    with connection.cursor() as cursor:
        cursor.execute(drop)
