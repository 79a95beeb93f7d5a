"""Transient errors of a database, which a retry may get past, and outages, which every further query would meet."""

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
# SQLite reports a lock after its own timeout; several retries would add up.
MAX_SECONDS = 30.0

# PostgreSQL's codes, whose first two characters are the class: serialization failure, deadlock, lock not available,
# sessions ended while idle in a transaction, too many connections.
TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03", "25P03", "25P04", "53300"})
# Connection lost; ended by the server, or not accepted yet by one that starts.
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
    state, sqlite_code = sql_state(error), sqlite_code_of(error)
    if state:
        return state in TRANSIENT_STATES or state.startswith(LOST_CONNECTION)
    if sqlite_code is not None:
        return sqlite_code in SQLITE_LOCKED
    # There is no code of the server when the connection is lost.
    return isinstance(error, OperationalError | InterfaceError)


def is_outage(error: BaseException) -> bool:
    """Whether the error concerns the database as a whole, not the rows of the query."""
    state, sqlite_code = sql_state(error), sqlite_code_of(error)
    if state:
        return state.startswith(OUTAGES + LOST_CONNECTION)
    if sqlite_code is not None:
        # SQLite locks a whole database.
        return sqlite_code in SQLITE_OUTAGES | SQLITE_LOCKED
    return isinstance(error, OperationalError | InterfaceError)


def retry_transient(function: Callable[[], T], using: str, pauses: Sequence[float] = PAUSES) -> T:
    """Return the result of `function`, which is called again after a transient error, on a new connection if necessary.

    If it writes, it must begin its own transaction. Inside a transaction of the caller, which only the caller can
    restart, it is called once.
    """
    if connections[using].in_atomic_block:
        return call(function, using)
    end = time.monotonic() + MAX_SECONDS
    for pause in pauses:
        try:
            return call(function, using)
        except (DatabaseError, InterfaceError) as error:
            if not is_transient(error) or time.monotonic() + pause > end:
                raise
            drop_dead_connection(using)
            # Random, so that two processes that block each other do not collide again.
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
    return call(function, using)


def call(function: Callable[[], T], using: str) -> T:
    # Django does not convert an error of the driver that closing the cursor of an iterator() raises.
    with connections[using].wrap_database_errors:
        return function()


def drop_dead_connection(using: str) -> None:
    """Close a lost connection, so that the next query opens a new one, unless it is in a transaction of the caller."""
    connection = connections[using]
    # Not `close_if_unusable_or_obsolete`, which with a CONN_MAX_AGE of 0 also closes usable connections, and with them
    # the settings of their sessions.
    if connection.connection is not None and not connection.in_atomic_block and not connection.is_usable():
        connection.close()


def sql_state(error: BaseException) -> str:
    """Return the SQLSTATE of PostgreSQL, or "". Psycopg 2 calls it `pgcode`."""
    cause = error.__cause__ or error
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""


def sqlite_code_of(error: BaseException) -> int | None:
    code = getattr(error.__cause__ or error, "sqlite_errorcode", None)
    # The lowest byte is the primary result code.
    return None if code is None else code & 0xFF
