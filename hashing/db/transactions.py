from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial

from django.db import connections, transaction

from hashing.db.retry import retry_transient


@contextmanager
def exclusive_transaction(using: str, number: int) -> Iterator[None]:
    """A transaction that holds the advisory lock `number`; on SQLite, the write lock of the database.

    A connection that was lost since its last use is replaced.
    """
    with retry_transient(partial(begin, using, number), using):
        yield


@contextmanager
def writing_transaction(using: str) -> Iterator[None]:
    """A transaction that takes SQLite's write lock before its first read.

    A deferred transaction, Django's default, takes it with its first write. If another connection has written since
    the first read, that fails at once with "database is locked", whatever the timeout is.
    """
    with retry_transient(partial(begin, using), using):
        yield


def begin(using: str, lock: int | None = None) -> ExitStack:
    """Return a transaction like those above without their retries, for callers that repeat the work as a whole."""
    connection = connections[using]
    with ExitStack() as stack:
        stack.enter_context(transaction.atomic(using=using))
        if connection.vendor == "sqlite":
            # This table exists because Django's keys have AUTOINCREMENT. No row matches, but the lock is taken.
            connection.cursor().execute("DELETE FROM sqlite_sequence WHERE 0")
        elif connection.vendor == "postgresql" and lock is not None:
            connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        return stack.pop_all()


def same_server(using: str) -> AbstractContextManager[object]:
    """The transaction that `iterator()` needs, because PgBouncer keeps the server of a cursor for one transaction."""
    connection = connections[using]
    needed = connection.vendor == "postgresql" and not connection.in_atomic_block
    return transaction.atomic(using=using) if needed else nullcontext()
