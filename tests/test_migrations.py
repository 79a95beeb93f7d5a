"""Migrating on a site that is at work: nobody waits, and nothing is left over."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from servers.site import Site, site_database

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all")

# `migrate` adds rows to these, as for every app.
TOLD_OF_NEW_MODELS = {"django_migrations", "django_content_type", "auth_permission"}


def own_tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_app_config("hashing").get_models()}


@pytest.fixture
def site_at_work() -> Iterator[None]:
    """Transactions of the site that let others read its tables, and add rows to those that `migrate` adds rows to."""
    tables = set(connection.introspection.table_names()) - own_tables()
    assert tables >= {"auth_user", "site_models_photo", *TOLD_OF_NEW_MODELS}
    busy = connection.copy()
    busy.set_autocommit(False)
    with busy.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(sorted(tables - TOLD_OF_NEW_MODELS))} IN EXCLUSIVE MODE")
        cursor.execute(f"LOCK TABLE {', '.join(sorted(TOLD_OF_NEW_MODELS))} IN SHARE UPDATE EXCLUSIVE MODE")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '3s'")
    yield
    busy.rollback()
    busy.close()
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")
    call_command("migrate", "hashing", verbosity=0)


@on_postgresql
def test_no_table_of_the_site_is_locked(site_at_work):
    call_command("migrate", "hashing", "zero", verbosity=0)
    assert not own_tables() & set(connection.introspection.table_names())
    call_command("migrate", "hashing", verbosity=0)
    assert own_tables() <= set(connection.introspection.table_names())


def test_no_statement_names_a_table_of_the_site(capsys):
    """The same for every migration to come, on every database."""
    names = sorted(name for app, name in MigrationLoader(connection).disk_migrations if app == "hashing")
    others = set(connection.introspection.table_names()) - own_tables()
    for name in names:
        for options in ([], ["--backwards"]):
            call_command("sqlmigrate", "hashing", name, *options, no_color=True)
    written = set(re.findall(r'"(\w+)"', capsys.readouterr().out))
    assert written & own_tables()
    assert not written & others


@pytest.fixture
def new_site(tmp_path) -> Iterator[Site]:
    """A site whose database has no tables yet."""
    with site_database(tmp_path) as url:
        site = Site.made_in(tmp_path, url)
        yield site
        site.end_all()


@on_postgresql
@pytest.mark.parametrize("server_notices", [True, False])
def test_migration_that_is_killed_is_taken_up_by_the_next(new_site, server_notices):
    assert new_site.run("migrate", "hashing", "0002", "--verbosity", "0").returncode == 0
    with psycopg.connect(new_site.url) as reader, psycopg.connect(new_site.url, autocommit=True) as server:
        # An index that is made concurrently becomes valid when those who began before are done, a backup for example.
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1 FROM hashing_imageasset")
        process = new_site.start("migrate", "hashing", "--verbosity", "0")
        backend = waiting_backend(server)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if server_notices:
            server.execute("SELECT pg_terminate_backend(%s, 10000)", [backend])
        assert invalid_indexes(server)
        again = new_site.start("migrate", "hashing", "--verbosity", "0")
        # Else the first of them is still at work, and the second waits for it.
        waiting_backend(server, but=backend)
        reader.rollback()
        _out, errors = again.communicate(timeout=60)
        assert again.returncode == 0, errors
        assert not invalid_indexes(server)
    assert "[ ]" not in new_site.run("showmigrations", "hashing").stdout


def waiting_backend(server: psycopg.Connection, but: int = 0) -> int:
    """Wait until a migration is waiting for somebody, and return the server's process for it."""
    deadline = time.monotonic() + 60
    sql = """SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
             AND pid NOT IN (pg_backend_pid(), %s)"""
    while time.monotonic() < deadline:
        if found := server.execute(sql, [but]).fetchone():
            return found[0]
        time.sleep(0.02)
    raise AssertionError("No migration is waiting.")


def invalid_indexes(server: psycopg.Connection) -> list[str]:
    rows = server.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    return [name for (name,) in rows]
