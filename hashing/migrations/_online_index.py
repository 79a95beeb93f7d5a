from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex
from django.db.migrations.state import ProjectState
from django.db.models import Index

IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


class AddIndexOnline(AddIndex):
    """`AddIndexConcurrently` on PostgreSQL, and `AddIndex` elsewhere, in a migration with `atomic = False`.

    When it runs again after an interruption, in either direction, it does what is missing. With `postgresql`, that
    index is created on PostgreSQL under the name of `index`, which the state of the migrations has.
    """

    def __init__(self, model_name: str, index: Index, postgresql: Index | None = None) -> None:
        super().__init__(model_name, index)
        self.postgresql = postgresql or index

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        # `sqlmigrate` prints the SQL for a database without the index.
        if not schema_editor.collect_sql and is_complete(schema_editor, model._meta.db_table, self.index.name):
            return
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.add_index(model, self.postgresql, concurrently=True)  # type: ignore[call-arg]
            if self.index.expressions:
                # Statistics of an expression do not exist before.
                schema_editor.execute(f"ANALYZE {schema_editor.quote_name(model._meta.db_table)}")
        else:
            schema_editor.add_index(model, self.index)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor == "postgresql":
            if not schema_editor.collect_sql:
                wait_for_other_builds(schema_editor, model._meta.db_table)
            # The statement has IF EXISTS.
            schema_editor.remove_index(model, self.index, concurrently=True)  # type: ignore[call-arg]
        elif schema_editor.collect_sql or is_complete(schema_editor, model._meta.db_table, self.index.name):
            schema_editor.remove_index(model, self.index)

    def describe(self) -> str:
        return f"{super().describe()}, without locking the table"


def is_complete(schema_editor: Any, table: str, name: str) -> bool:
    """Return whether the index exists and is valid. Drop one that an interrupted build has left invalid."""
    connection, quoted = schema_editor.connection, schema_editor.quote_name(name)
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            # Django's introspection parses the SQL of the table and of all its indexes, which takes much longer.
            cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s", [name])
            return cursor.fetchone() is not None
        wait_for_other_builds(schema_editor, table)
        cursor.execute(IS_VALID, [quoted])
        found = cursor.fetchone()
    if found and not found[0]:
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}")
    return bool(found and found[0])


def wait_for_other_builds(schema_editor: Any, table: str) -> None:
    """Wait until no other session builds an index of the table; the server may not have noticed a killed migration yet.

    The lock blocks neither reads nor writes.
    """
    connection = schema_editor.connection
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {schema_editor.quote_name(table)} IN SHARE UPDATE EXCLUSIVE MODE")
