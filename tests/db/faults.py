"""Errors of a real database, made for tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections

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


@contextmanager
def locked_rows(*keys: int) -> Iterator[None]:
    """Lock rows in another session on PostgreSQL; raise the error on SQLite, which locks whole files."""
    if connection.vendor != "postgresql":

        def refuse(execute, sql, params, many, context):
            # The last parameters are the key and the two guards, name and version.
            if sql.startswith("UPDATE") and many and any(row[-3] in keys for row in params):
                error = OperationalError("lock timeout\nCONTEXT: row \x1b[2J")
                error.__cause__ = type("LockNotAvailable", (Exception,), {"sqlstate": "55P03"})()
                raise error
            return execute(sql, params, many, context)

        with connection.execute_wrapper(refuse):
            yield
        return
    other = connection.copy()
    with setting("lock_timeout", "20ms"), closing(other):
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM hashing_imageasset WHERE id = ANY(%s) FOR UPDATE", [list(keys)])
            yield
        other.rollback()


@contextmanager
def read_only_database() -> Iterator[None]:
    if connection.vendor == "postgresql":
        with setting("default_transaction_read_only", "on"):
            yield
        return
    with pragma("query_only = 1", "query_only = 0"):
        yield


@contextmanager
def full_database() -> Iterator[None]:
    """Keep the file from growing on SQLite; raise the error on PostgreSQL."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            [before] = cursor.execute("PRAGMA max_page_count").fetchone()
            [pages] = cursor.execute("PRAGMA page_count").fetchone()
        with pragma(f"max_page_count = {pages}", f"max_page_count = {before}"):
            yield
        return
    error = OperationalError("could not extend file: No space left on device")
    error.__cause__ = psycopg.errors.DiskFull()

    def refuse(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise error
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


@contextmanager
def pragma(before: str, after: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {before}")
        yield
        cursor.execute(f"PRAGMA {after}")


@contextmanager
def role_without(privilege: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE reader; GRANT ALL ON ALL TABLES IN SCHEMA public TO reader")
        cursor.execute(f"REVOKE {privilege} ON hashing_imageasset FROM reader; SET ROLE reader")
        yield
        cursor.execute("RESET ROLE; DROP OWNED BY reader; DROP ROLE reader")


@contextmanager
def role_with_policy(check: str) -> Iterator[None]:
    """Use a role whose updates are checked row by row."""
    table = "hashing_imageasset"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE ROLE reader; GRANT ALL ON {table} TO reader; ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        )
        cursor.execute(f"CREATE POLICY limited ON {table} USING (true) WITH CHECK ({check}); SET ROLE reader")
        yield
        cursor.execute(f"RESET ROLE; DROP POLICY limited ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        cursor.execute("DROP OWNED BY reader; DROP ROLE reader")
