"""Work that two processes must not do at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction


@contextmanager
def exclusive_transaction(using: str, number: int) -> Iterator[None]:
    """A transaction that waits until nobody else is in one with this number, which is any that nothing else locks."""
    with transaction.atomic(using=using):
        # On SQLite, a transaction of ours that writes has the database for itself.
        if (connection := connections[using]).vendor == "postgresql":
            connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", [number])
        yield
