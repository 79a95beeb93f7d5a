"""Errors of a database that pass by themselves, and the ones that every further query would meet as well."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connections

T = TypeVar("T")

# Seconds between attempts. A server that restarts takes a few seconds, a deadlock a few milliseconds.
PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)
# SQLite has waited for its lock before it reports it: do not add many such waits up.
MAX_SECONDS = 30.0

# PostgreSQL's codes, of which the first two characters are the class: serialization failure, deadlock, lock not
# available, sessions ended while idle in a transaction, too many connections.
TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03", "25P03", "25P04", "53300"})
# Connection lost; ended or not yet accepted by the server.
LOST_CONNECTION = ("08", "57P")
# No login, no such database, read-only, insufficient resources (disk full among them), system error.
OUTAGES = ("28", "3D", "25006", "53", "58")

SQLITE_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
SQLITE_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed in a moment: a deadlock, a serialization failure, a lock, a lost connection."""
    state, sqlite_code = _state(error), _sqlite_code(error)
    if state:
        return state in TRANSIENT_STATES or state.startswith(LOST_CONNECTION)
    if sqlite_code is not None:
        return sqlite_code in SQLITE_LOCKED
    # A client that lost its connection has no code of the server's to give.
    return isinstance(error, OperationalError | InterfaceError)


def is_outage(error: BaseException) -> bool:
    """Whether the error says something about the database as a whole, and nothing about the rows of the query."""
    state, sqlite_code = _state(error), _sqlite_code(error)
    if state:
        return state.startswith(OUTAGES + LOST_CONNECTION)
    if sqlite_code is not None:
        # SQLite locks a whole database.
        return sqlite_code in SQLITE_OUTAGES | SQLITE_LOCKED
    return isinstance(error, OperationalError | InterfaceError)


def retry_transient(function: Callable[[], T], using: str, pauses: Sequence[float] = PAUSES) -> T:
    """Return what `function` returns, calling it again after each transient error, on a new connection if need be.

    `function` must begin its own transaction if it writes. Inside a transaction of the caller's it is called once:
    only the caller can begin that one again.
    """
    if connections[using].in_atomic_block:
        return _call(function, using)
    end = time.monotonic() + MAX_SECONDS
    for pause in pauses:
        try:
            return _call(function, using)
        except (DatabaseError, InterfaceError) as error:
            if not is_transient(error) or time.monotonic() + pause > end:
                raise
            drop_dead_connection(using)
            # Two that are in each other's way should not meet again.
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
    return _call(function, using)


def _call(function: Callable[[], T], using: str) -> T:
    # Django closes the cursor of an iterator() outside of this context, and lets the error of the driver through.
    with connections[using].wrap_database_errors:
        return function()


def drop_dead_connection(using: str) -> None:
    """Let the next query make a new connection, unless a transaction of the caller's is tied to this one."""
    connection = connections[using]
    # Not `close_if_unusable_or_obsolete`: with a CONN_MAX_AGE of 0 it closes sound connections, and their settings go.
    if connection.connection is not None and not connection.in_atomic_block and not connection.is_usable():
        connection.close()


def _state(error: BaseException) -> str:
    """The SQLSTATE that PostgreSQL gave, or nothing. Psycopg 2 calls it `pgcode`."""
    cause = error.__cause__ or error
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""


def _sqlite_code(error: BaseException) -> int | None:
    code = getattr(error.__cause__ or error, "sqlite_errorcode", None)
    # The lowest byte is the kind, the others are details.
    return None if code is None else code & 0xFF
