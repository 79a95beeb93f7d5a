from __future__ import annotations

import sqlite3
from contextlib import closing

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from hashing.db import retry
from hashing.db.paging import pages_by_key, rows_with_keys
from hashing.db.retry import drop_dead_connection, is_outage, is_transient, retry_transient
from hashing.db.transactions import exclusive_transaction
from hashing.models import ImageAsset
from tests.db.faults import cut_connection, only_postgresql


def from_postgresql(state: str) -> Exception:
    """What Django raises for this SQLSTATE."""
    kind = psycopg.errors.lookup(state)
    for django_error in (DataError, OperationalError, IntegrityError, InternalError, ProgrammingError):
        if issubclass(kind, getattr(psycopg, django_error.__name__)):
            return caused(django_error("no"), kind("no"))
    raise AssertionError(kind)


def from_sqlite(*statements: str, folder) -> Exception:
    with closing(sqlite3.connect(folder / "x.sqlite3")) as plain, pytest.raises(sqlite3.Error) as caught:  # noqa: PT012
        for statement in statements:
            plain.execute(statement)
    return caused(OperationalError(str(caught.value)), caught.value)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "53300", "57P01", "57P03", "57P05", "08006", "25P03"])
def test_deadlock_lock_and_lost_connection_are_transient(state):
    assert is_transient(from_postgresql(state))


@pytest.mark.parametrize("state", ["25006", "42501", "53100", "23502", "22001", "42P01", "P0001", "57014"])
def test_refusals_are_not_transient(state):
    assert not is_transient(from_postgresql(state))


@pytest.mark.parametrize("state", ["25006", "53100", "53200", "57P01", "08006", "28000", "58030"])
def test_read_only_full_and_unreachable_databases_are_outages(state):
    assert is_outage(from_postgresql(state))


@pytest.mark.parametrize("state", ["23502", "23514", "22001", "P0001", "40P01", "55P03", "42501"])
def test_refusal_of_rows_is_not_an_outage(state):
    assert not is_outage(from_postgresql(state))


def test_full_and_read_only_sqlite_are_outages(tmp_path):
    page = "CREATE TABLE t (x); PRAGMA max_page_count = 2".split("; ")
    full = from_sqlite(*page, "INSERT INTO t VALUES (zeroblob(99999))", folder=tmp_path)
    read_only = from_sqlite("PRAGMA query_only = 1", "INSERT INTO t VALUES (1)", folder=tmp_path)
    for error in (full, read_only):
        assert (is_outage(error), is_transient(error)) == (True, False)


def test_locked_sqlite_is_transient(tmp_path):
    with closing(sqlite3.connect(tmp_path / "x.sqlite3")) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        error = from_sqlite("PRAGMA busy_timeout = 0", "BEGIN IMMEDIATE", folder=tmp_path)
    assert is_transient(error)


def test_missing_table_of_sqlite_is_neither(tmp_path):
    error = from_sqlite("SELECT * FROM nowhere", folder=tmp_path)
    assert (is_outage(error), is_transient(error)) == (False, False)


def test_lost_connection_without_a_code_is_both():
    for error in (OperationalError("server closed the connection"), InterfaceError("connection already closed")):
        assert is_transient(error)
        assert is_outage(error)


class Work:
    """Fails with `error` until the call number `works_at`."""

    def __init__(self, works_at: int, error: Exception | None = None) -> None:
        self.calls, self.works_at = 0, works_at
        self.error = error or OperationalError("deadlock detected")

    def __call__(self) -> int:
        self.calls += 1
        if self.calls < self.works_at:
            raise self.error
        return self.calls


@pytest.fixture
def slept(monkeypatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", pauses.append)
    return pauses


@pytest.mark.django_db(transaction=True)
def test_transient_error_is_retried_after_growing_pauses(slept):
    assert retry_transient(Work(works_at=4), "default") == 4
    assert len(slept) == 3
    assert all(0.5 * pause <= found <= pause for pause, found in zip(retry.PAUSES, slept, strict=False))


@pytest.mark.django_db(transaction=True)
def test_error_is_raised_after_the_last_retry(slept):
    work = Work(works_at=99)
    with pytest.raises(OperationalError, match="deadlock"):
        retry_transient(work, "default")
    assert (work.calls, len(slept)) == (len(retry.PAUSES) + 1, len(retry.PAUSES))


@pytest.mark.django_db(transaction=True)
def test_other_error_is_raised_at_once(slept):
    work = Work(works_at=2, error=from_postgresql("23502"))
    with pytest.raises(IntegrityError):
        retry_transient(work, "default")
    assert (work.calls, slept) == (1, [])


@pytest.mark.django_db(transaction=True)
def test_waiting_in_the_database_counts(slept, monkeypatch):
    monkeypatch.setattr(retry, "MAX_SECONDS", 0)
    work = Work(works_at=2)
    with pytest.raises(OperationalError):
        retry_transient(work, "default")
    assert work.calls == 1


@pytest.mark.django_db(transaction=True)
def test_transaction_of_the_caller_is_not_restarted(slept):
    work = Work(works_at=2)
    with transaction.atomic(), pytest.raises(OperationalError):
        retry_transient(work, "default")
    assert work.calls == 1


@pytest.mark.django_db
def test_transaction_of_the_caller_keeps_its_connection():
    before = connection.connection
    drop_dead_connection("default")
    assert connection.connection is before


@pytest.mark.django_db(transaction=True)
def test_usable_connection_is_kept():
    ImageAsset.objects.exists()
    before = connection.connection
    drop_dead_connection("default")
    assert connection.connection is before is not None


@only_postgresql
@pytest.mark.django_db(transaction=True)
class TestConnectionThatWasCutWhileIdle:
    def test_is_made_again_for_a_page(self):
        keys = [ImageAsset.objects.create(image=f"{number}.jpg").pk for number in range(3)]
        pages = pages_by_key(ImageAsset.objects.all(), ("image",), 2)
        first = next(pages)
        cut_connection()
        assert [row[0] for row in (*first, *next(pages))] == keys

    def test_is_made_again_for_rows_with_keys(self):
        keys = [ImageAsset.objects.create(image=f"{number}.jpg").pk for number in range(2)]
        cut_connection()
        assert sorted(rows_with_keys(ImageAsset.objects.all(), keys, ())) == [(key,) for key in keys]

    def test_is_made_again_for_an_exclusive_transaction(self):
        cut_connection()
        with exclusive_transaction("default", 7):
            ImageAsset.objects.create(image="a.jpg")
        assert ImageAsset.objects.count() == 1
        assert not connection.in_atomic_block


def test_error_of_the_driver_is_retried(transactional_db):
    """As closing a cursor raises it, past Django."""
    errors = [connection.Database.OperationalError("server closed the connection unexpectedly")]

    def read() -> str:
        if errors:
            raise errors.pop()
        return "read"

    assert retry_transient(read, "default", pauses=[0]) == "read"


def test_error_of_the_driver_becomes_one_of_django(transactional_db):
    def read() -> None:
        raise connection.Database.OperationalError("server closed the connection unexpectedly")

    with pytest.raises(OperationalError):
        retry_transient(read, "default", pauses=[0])
