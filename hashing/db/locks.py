from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from django.db import connections, transaction

from hashing.db.retry import retry_transient


@contextmanager
def exclusive_transaction(using: str, number: int) -> Iterator[None]:
    """A transaction that waits until no other process is in one with the same `number`, an advisory lock.

    It begins on a new connection when the old one was cut since it was last used.
    """
    with retry_transient(partial(_begin, using, number), using):
        yield


@contextmanager
def writing_transaction(using: str) -> Iterator[None]:
    """A transaction that will write, even when it reads first.

    SQLite has one writer at a time. A deferred transaction, Django's default, asks to be that writer at its first
    write. When another one has written since it began to read, it can only be rolled back: "database is locked", at
    once and whatever the timeout is. One that begins with a write waits its turn.
    """
    with retry_transient(partial(_begin, using), using):
        yield


def _begin(using: str, number: int | None = None) -> ExitStack:
    connection = connections[using]
    with ExitStack() as stack:
        stack.enter_context(transaction.atomic(using=using))
        if connection.vendor == "sqlite":
            # The table of AUTOINCREMENT, which Django's keys have. No row matches; the lock is taken all the same.
            connection.cursor().execute("DELETE FROM sqlite_sequence WHERE 0")
        elif connection.vendor == "postgresql" and number is not None:
            connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", [number])
        return stack.pop_all()
