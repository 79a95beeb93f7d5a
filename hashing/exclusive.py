"""Work that two processes must not do at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from django.db import connections, transaction

from hashing.db.retry import retry_transient


@contextmanager
def exclusive_transaction(using: str, number: int) -> Iterator[None]:
    """A transaction that waits until nobody else is in one with this number, which is any that nothing else locks.

    It begins on a new connection when the old one was cut since it was last used.
    """
    with retry_transient(partial(_begin, using, number), using):
        yield


def _begin(using: str, number: int) -> ExitStack:
    with ExitStack() as stack:
        stack.enter_context(transaction.atomic(using=using))
        # On SQLite, a transaction of ours that writes has the database for itself.
        if (connection := connections[using]).vendor == "postgresql":
            connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", [number])
        return stack.pop_all()
