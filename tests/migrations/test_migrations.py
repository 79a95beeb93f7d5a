from __future__ import annotations

import ast
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from hashing import migrations
from servers.site import Site, site_database

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all")

# `migrate` adds rows to these, for the models of each app.
TABLES_OF_MIGRATE = {"django_migrations", "django_content_type", "auth_permission"}


def own_tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_app_config("hashing").get_models()}


@pytest.fixture
def site_at_work() -> Iterator[None]:
    """Transactions of the site that allow others only to read its tables, and `migrate` to add its rows."""
    tables = set(connection.introspection.table_names()) - own_tables()
    assert tables >= {"auth_user", "site_models_photo", *TABLES_OF_MIGRATE}
    busy = connection.copy()
    busy.set_autocommit(False)
    with busy.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(sorted(tables - TABLES_OF_MIGRATE))} IN EXCLUSIVE MODE")
        cursor.execute(f"LOCK TABLE {', '.join(sorted(TABLES_OF_MIGRATE))} IN SHARE UPDATE EXCLUSIVE MODE")
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
    names = sorted(name for app, name in MigrationLoader(connection).disk_migrations if app == "hashing")
    others = set(connection.introspection.table_names()) - own_tables()
    for name in names:
        for options in ([], ["--backwards"]):
            call_command("sqlmigrate", "hashing", name, *options, no_color=True)
    written = set(re.findall(r'"(\w+)"', capsys.readouterr().out))
    assert written & own_tables()
    assert not written & others


def test_migrations_are_complete():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_names_have_at_most_30_characters():
    """The limit of Oracle, for which Django checks the names of indexes only."""
    for model in apps.get_app_config("hashing").get_models():
        for each in [*model._meta.indexes, *model._meta.constraints]:
            assert len(each.name) <= 30


def test_migrations_import_nothing_else_of_the_app():
    folder = Path(migrations.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not [
                name for name in names if name.startswith("hashing") and name != "hashing.migrations._online_index"
            ]


def test_migrations_create_the_indexes_of_the_models():
    """The autodetector compares the state of the migrations, which is not all of their SQL."""
    migrated = index_definitions()
    editor = connection.schema_editor(collect_sql=True)
    with connection.cursor() as cursor:
        for model in apps.get_app_config("hashing").get_models():
            for index in model._meta.indexes:
                cursor.execute(f"DROP INDEX {index.name}")
                cursor.execute(str(index.create_sql(model, editor)))
    assert index_definitions() == migrated


def index_definitions() -> dict[str, str]:
    names = {index.name for model in apps.get_app_config("hashing").get_models() for index in model._meta.indexes}
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
    if connection.vendor == "postgresql":
        sql = "SELECT indexname, indexdef FROM pg_indexes"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found = {name: definition for name, definition in cursor.fetchall() if name in names}
    assert found.keys() == names
    return found


@pytest.fixture
def new_site(tmp_path) -> Iterator[Site]:
    """A site whose database has no tables yet."""
    with site_database(tmp_path) as url:
        site = Site.create_in(tmp_path, url)
        yield site
        site.end_all()


@pytest.mark.slow
@on_postgresql
@pytest.mark.parametrize("server_notices", [True, False])
def test_migration_that_was_killed_is_continued_by_the_next(new_site, server_notices):
    assert new_site.run("migrate", "hashing", "0001", "--verbosity", "0").returncode == 0
    with psycopg.connect(new_site.url) as reader, psycopg.connect(new_site.url, autocommit=True) as server:
        # A concurrent build waits for transactions that began before, such as a backup.
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
        # Without termination, the server still executes the first migration, and the second waits for it.
        waiting_backend(server, ignored=backend)
        reader.rollback()
        _out, errors = again.communicate(timeout=60)
        assert again.returncode == 0, errors
        assert not invalid_indexes(server)
    assert "[ ]" not in new_site.run("showmigrations", "hashing").stdout


def waiting_backend(server: psycopg.Connection, ignored: int = 0) -> int:
    """Wait until a migration waits for a lock, and return its server process."""
    deadline = time.monotonic() + 60
    sql = """SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
             AND pid NOT IN (pg_backend_pid(), %s)"""
    while time.monotonic() < deadline:
        if found := server.execute(sql, [ignored]).fetchone():
            return found[0]
        time.sleep(0.02)
    raise AssertionError("No migration is waiting.")


def invalid_indexes(server: psycopg.Connection) -> list[str]:
    rows = server.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    return [name for (name,) in rows]
