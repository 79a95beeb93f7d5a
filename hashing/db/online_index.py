"""A migration's step that adds an index to a table while others write to it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex
from django.db.migrations.state import ProjectState

_IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


class AddIndexOnline(AddIndex):
    """As Django's `AddIndexConcurrently` on PostgreSQL, as `AddIndex` elsewhere.

    Its migration must have `atomic = False`. Run again after it was interrupted, in either direction, it does what is
    missing.
    """

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
        # Where the SQL is only asked for, it is that of a database without the index.
        if not schema_editor.collect_sql and _is_complete(schema_editor, model._meta.db_table, self.index.name):
            return
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.add_index(model, self.index, concurrently=True)  # type: ignore[call-arg]
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
                _wait_for_other_builds(schema_editor, model._meta.db_table)
            # Its SQL says IF EXISTS.
            schema_editor.remove_index(model, self.index, concurrently=True)  # type: ignore[call-arg]
        elif schema_editor.collect_sql or _is_complete(schema_editor, model._meta.db_table, self.index.name):
            schema_editor.remove_index(model, self.index)

    def describe(self) -> str:
        return f"{super().describe()}, without locking the table"


def _is_complete(schema_editor: Any, table: str, name: str) -> bool:
    """Whether the index is there, and whole. One that was left half-made, which PostgreSQL never uses, is dropped."""
    connection, quoted = schema_editor.connection, schema_editor.quote_name(name)
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            return name in connection.introspection.get_constraints(cursor, table)
        _wait_for_other_builds(schema_editor, table)
        cursor.execute(_IS_VALID, [quoted])
        found = cursor.fetchone()
    if found and not found[0]:
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}")
    return bool(found and found[0])


def _wait_for_other_builds(schema_editor: Any, table: str) -> None:
    """Wait until nobody is at work on an index of the table: of a killed migration, the server may not know it yet.

    The lock keeps out neither readers nor writers.
    """
    connection = schema_editor.connection
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {schema_editor.quote_name(table)} IN SHARE UPDATE EXCLUSIVE MODE")
