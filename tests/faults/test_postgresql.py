"""A PostgreSQL server that crashes, closes connections, and refuses conflicting transactions."""

from __future__ import annotations

import random
import re
import time

import psycopg
import pytest
from django.db import connection

from servers.postgresql import crash_and_restart, postgresql_server
from servers.site import migrate_database, site_database
from tests.faults.checker import Stored, check_all, check_rows
from tests.faults.harness import SECONDS_TO_FINISH, Library, finish
from tests.faults.library import write_library

pytestmark = [
    pytest.mark.own_database,
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a server"),
]

CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
TOUCH = "UPDATE hashing_imageasset SET created_at = now() WHERE id = (SELECT {}(id) FROM hashing_imageasset)"


def test_closed_connections_lose_nothing(library: Library, dice: random.Random):
    library.add_rows(*write_library(library.media, pictures=60))
    run = library.start("backfill_hashes", "--batch-size", "2", "--workers", "1")
    with psycopg.connect(library.url, autocommit=True) as server:
        while run.poll() is None:
            time.sleep(dice.uniform(0.02, 0.2))
            server.execute(CUT)
    out = finish(run)
    stored = Stored.of(library)
    check_rows(stored, complete=False)
    assert {asset.error for asset in stored.assets.values()} == {""}
    assert "Status: COMPLETED" in out or "Stopped: The database cannot be" in out
    library.run_to_the_end("backfill_hashes")
    check_rows(Stored.of(library))


def test_a_crash_of_the_server_loses_nothing(tmp_path, monkeypatch):
    with postgresql_server() as server:
        monkeypatch.setenv("DATABASE_URL", server)
        with site_database(tmp_path) as url:
            migrate_database(url)
            library = Library.create_in(tmp_path, url)
            library.add_rows(*write_library(library.media, pictures=100))
            run = library.start("backfill_hashes", "--batch-size", "2", "--workers", "1")
            while not any(found for _, found, _ in library.rows()):
                time.sleep(0.02)
            crash_and_restart(server)
            out = finish(run)
            check_rows(Stored.of(library), complete=False)
            assert "Status: COMPLETED" in out or "Stopped: The database cannot be" in out
            library.run_to_the_end("backfill_hashes")
            check_rows(Stored.of(library))


def test_transactions_that_cannot_be_serialized_are_retried(library: Library, dice: random.Random):
    library.environment["PGOPTIONS"] = "-c default_transaction_isolation=serializable"
    library.add_rows(*write_library(library.media, pictures=25))
    editors = [library.churn(dice.randrange(1_000_000), steps=10) for _ in range(2)]
    runs = [library.start("backfill_hashes", "--batch-size", "3", "--workers", "1") for _ in range(3)]
    for process in (*runs, *editors):
        finish(process)
    stored = Stored.of(library)
    check_rows(stored, complete=False)
    assert {asset.error for asset in stored.assets.values()} == {""}
    library.run_to_the_end("backfill_hashes")
    library.run_to_the_end("find_duplicates")
    check_all(library)


def test_a_deadlock_is_retried(library: Library):
    library.add_rows(*write_library(library.media, pictures=20))
    with psycopg.connect(library.url) as other:
        other.execute("SET deadlock_timeout = '10s'")
        other.execute(TOUCH.format("max"))
        run = library.start("backfill_hashes", "--workers", "1")
        wait_until_blocked(library)
        # It holds the first row, waits for the last one, and is the one that PostgreSQL ends.
        other.execute(TOUCH.format("min"))
    assert "Processed: 40\nFailed: 0\n" in finish(run)
    check_rows(Stored.of(library))


def wait_until_blocked(library: Library) -> None:
    name = re.search(r"site_[0-9a-f]+", library.url).group()
    end = time.monotonic() + SECONDS_TO_FINISH
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    with psycopg.connect(library.url, autocommit=True) as server:
        while not server.execute(blocked, [name]).fetchone()[0]:
            assert time.monotonic() < end, "no session waits for a lock"
            time.sleep(0.02)
