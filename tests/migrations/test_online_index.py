from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Index
from django.test.utils import CaptureQueriesContext

from hashing.migrations._online_index import AddIndexOnline
from hashing.models import ImageAsset
from hashing.search.bands import SEARCH_QUALITY, Substring, SubstringBand, band_indexes

# An index cannot be made concurrently inside a test's transaction.
pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="made concurrently on PostgreSQL alone")

NAME = "spare_band_idx"
TABLE = ImageAsset._meta.db_table
INDEXES = {index.name for index in ImageAsset._meta.indexes}


@pytest.fixture
def step():
    """The operation with an index of its own, which the model does not have."""
    band = SubstringBand(1, "perceptual_hash", (Substring(1, 2), Substring(9, 3)))
    yield AddIndexOnline("imageasset", Index(band.expression, SEARCH_QUALITY, name=NAME))
    execute(f"DROP INDEX IF EXISTS {NAME}")


@pytest.fixture
def migrated():
    """Whatever the test does to the schema, it is whole afterwards."""
    yield
    call_command("migrate", "hashing", verbosity=0)


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def run(step: AddIndexOnline, *, backwards: bool = False) -> list[str]:
    """The statements of the step that change something."""
    before = MigrationExecutor(connection).loader.project_state(("hashing", "0001_initial"))
    after = before.clone()
    step.state_forwards("hashing", after)
    with CaptureQueriesContext(connection) as queries, connection.schema_editor(atomic=False) as editor:
        if backwards:
            step.database_backwards("hashing", editor, after, before)
        else:
            step.database_forwards("hashing", editor, before, after)
    return [query["sql"] for query in queries if " INDEX " in query["sql"]]


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, TABLE))


def is_valid(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = %s::regclass", [name])
        return cursor.fetchone()[0]


def test_index_is_created_and_removed(step):
    run(step)
    assert NAME in indexes()
    run(step, backwards=True)
    assert NAME not in indexes()


def test_second_run_finds_the_index(step):
    run(step)
    assert run(step) == []
    assert NAME in indexes()


def test_index_is_created_concurrently_on_postgresql(step):
    (made,) = run(step)
    assert ("CONCURRENTLY" in made) == (connection.vendor == "postgresql")


@on_postgresql
def test_invalid_index_is_replaced(step):
    run(step)
    execute(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{NAME}'::regclass")
    dropped, made = run(step)
    assert dropped.startswith("DROP INDEX CONCURRENTLY")
    assert made.startswith("CREATE INDEX CONCURRENTLY")
    assert is_valid(NAME)


@on_postgresql
def test_statistics_of_an_expression_exist_at_once(step):
    ImageAsset.objects.bulk_create(ImageAsset(image="x.jpg", perceptual_hash="0" * 16) for _ in range(20))
    run(step)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stats WHERE tablename = %s", [NAME])
        assert cursor.fetchone()[0] > 0


def test_second_run_backwards_finds_nothing_to_remove(step):
    run(step)
    (dropped,) = run(step, backwards=True)
    assert ("CONCURRENTLY" in dropped) == (connection.vendor == "postgresql")
    run(step, backwards=True)
    assert NAME not in indexes()


def test_operation_follows_the_router(step, settings):
    settings.DATABASE_ROUTERS = ["tests.migrations.test_online_index.Nowhere"]
    assert run(step) == run(step, backwards=True) == []
    assert NAME not in indexes()


class Nowhere:
    """A router that keeps all tables off the database."""

    def allow_migrate(self, *_names, **_hints) -> bool:
        return False


def test_description_says_that_the_table_is_not_locked(step):
    assert NAME in step.describe()
    assert step.describe().endswith("without locking the table")


@pytest.mark.slow
def test_migration_goes_back_and_forth(migrated):
    assert indexes() >= INDEXES
    call_command("migrate", "hashing", "0001", verbosity=0)
    assert not indexes() & INDEXES
    call_command("migrate", "hashing", "0002", verbosity=0)
    assert indexes() >= INDEXES


def test_interrupted_migration_is_continued_in_both_directions(migrated):
    execute("DROP INDEX image_asset_band2_idx")
    call_command("migrate", "hashing", "0001", verbosity=0)
    assert not indexes() & INDEXES
    editor = connection.schema_editor(atomic=False)
    with editor:
        editor.execute(str(band_indexes()[0].create_sql(ImageAsset, editor)))
    call_command("migrate", "hashing", "0002", verbosity=0)
    assert indexes() >= INDEXES


@pytest.mark.parametrize("options", [[], ["--backwards"]])
def test_sql_can_be_printed_after_the_migration_has_run(capsys, options):
    call_command("sqlmigrate", "hashing", "0002", *options, no_color=True)
    printed = capsys.readouterr().out
    every = {index.name for model in apps.get_app_config("hashing").get_models() for index in model._meta.indexes}
    assert printed.count("DROP INDEX" if options else "CREATE INDEX") == len(every)
    assert all(name in printed for name in every)
