from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.db import ConnectionHandler, connection, connections

from hashing.checks.databases import check_routers, check_sqlite, check_tables, check_vendor, check_versions
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import BackfillRun, ImageAsset


@pytest.fixture
def sqlite(monkeypatch):
    def configure(name: str = "db.sqlite3", **options) -> None:
        settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}
        monkeypatch.setattr("hashing.checks.databases.connections", ConnectionHandler({"default": settings}))

    return configure


@pytest.mark.parametrize("options", [{}, {"transaction_mode": "DEFERRED"}])
def test_sqlite_with_deferred_transactions_is_a_warning(sqlite, options):
    sqlite(**options)
    [message] = check_sqlite()
    assert message.id == "hashing.W001"
    assert "SQLite database 'default'" in message.msg
    assert """DATABASES['default']['OPTIONS'] to {"transaction_mode": "IMMEDIATE", "timeout": 30""" in message.hint


@pytest.mark.parametrize(
    "options",
    [
        {"transaction_mode": "immediate"},
        {"transaction_mode": "EXCLUSIVE"},
        {"name": ":memory:"},
        {"name": "file:memorydb_default?mode=memory&cache=shared"},
    ],
)
def test_sqlite_that_can_have_two_writers_or_has_one_is_fine(sqlite, options):
    sqlite(**options)
    assert check_sqlite() == []


def test_sqlite_without_images_is_fine(sqlite, monkeypatch):
    sqlite()
    monkeypatch.setattr("hashing.checks.databases.router.allow_migrate", lambda *_arguments, **_hints: False)
    assert check_sqlite() == []


def test_a_database_without_a_search_is_an_error(monkeypatch):
    monkeypatch.setattr(connections["default"], "vendor", "mysql", raising=False)
    [error] = check_vendor()
    assert (error.id, "is mysql" in error.msg) == ("hashing.E007", True)


def test_the_database_of_the_images_counts(monkeypatch):
    monkeypatch.setattr(connections["default"], "vendor", "mysql", raising=False)
    other = ConnectionHandler({"default": {}, "images": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
    monkeypatch.setattr("hashing.checks.databases.connections", other)
    monkeypatch.setattr("hashing.checks.databases.router.db_for_write", lambda *_arguments, **_hints: "images")
    assert check_vendor() == []


class Router:
    """Separates one table from the others, by `allow_migrate` or by `db_for_write`."""

    model: str | None = "backfillrun"
    written_to: str | None = None

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return self.written_to is not None or model_name != self.model or app_label != "hashing"

    def db_for_write(self, model, **hints):
        return self.written_to if model._meta.model_name == self.model else None


class ElsewhereRouter(Router):
    written_to = "elsewhere"


@pytest.mark.parametrize("router", ["Router", "ElsewhereRouter"])
def test_a_router_that_separates_the_tables_is_an_error(settings, router):
    settings.DATABASE_ROUTERS = [f"{__name__}.{router}"]
    [error] = check_routers()
    assert error.id == "hashing.E013"
    assert error.msg.endswith("this database: BackfillRun.")


def test_one_database_for_all_tables_is_fine():
    assert check_routers() == []


@pytest.mark.django_db
def test_missing_tables_are_a_warning_where_databases_are_checked():
    assert check_tables(databases=["default"]) == check_tables() == []
    table = connection.ops.quote_name(BackfillRun._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO renamed")
    [message] = check_tables(databases=["default"])
    assert message.id == "hashing.W011"
    assert "manage.py migrate --database default" in message.hint
    assert message in run_checks(databases=["default"])
    assert message not in run_checks()


@pytest.mark.django_db
def test_hashes_of_another_version_are_reported(monkeypatch):
    ImageAsset.objects.create(image="current.jpg", perceptual_hash="0" * 16, hash_version=HASH_VERSION)
    ImageAsset.objects.create(image="unknown.jpg", perceptual_hash="0" * 16)
    assert check_versions(databases=["default"]) == []
    ImageAsset.objects.create(image="old.jpg", perceptual_hash="0" * 16, hash_version=0)
    [message] = check_versions(databases=["default"])
    assert message.id == "hashing.W012"
    assert message in run_checks(databases=["default"])
    assert check_versions() == []
    monkeypatch.setattr("sys.argv", ["manage.py", "migrate"])
    assert check_versions(databases=["default"]) == []


@pytest.mark.django_db
def test_missing_tables_are_not_reported_to_migrate(monkeypatch):
    monkeypatch.setattr("sys.argv", ["manage.py", "migrate"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {BackfillRun._meta.db_table} RENAME TO renamed")
    assert check_tables(databases=["default"]) == []


@pytest.mark.django_db
def test_tables_that_a_router_keeps_away_are_not_missing(settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.Nowhere"]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {ImageAsset._meta.db_table} RENAME TO renamed")
    assert check_tables(databases=["default"]) == []


class Nowhere:
    def allow_migrate(self, *_names, **_hints):
        return False
