"""Inserts that Django has no call for: a million rows without instances, and one unless it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections, models

from hashing.db.bulk_update import array_type


def insert_rows(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]], using: str) -> None:
    """Insert rows with values for the fields with these `names`, in the caller's transaction.

    All other fields must be null by default, or have a default in the database. No signal is sent.
    """
    if not rows:
        return
    connection = connections[using]
    quote = connection.ops.quote_name
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns = [
        [field.get_db_prep_save(value, connection) for value in values]
        for field, values in zip(fields, zip(*rows, strict=True), strict=True)
    ]
    # All names are the model's own, quoted; values are parameters.
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(quote(field.column) for field in fields)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{array_type(field, connection)}" for field in fields)
            cursor.execute(f"{sql} SELECT * FROM unnest({arrays})", columns)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"{sql} VALUES ({marks})", list(zip(*columns, strict=True)))


def insert_unless_taken(model: type[models.Model], values: Mapping[str, Any], name: str, using: str) -> Any:
    """Insert one row in one query, unless a row has its value of the field `name`, or a unique value of its.

    Return its key, or None where nothing was inserted, or where the database cannot do that in one query.
    """
    connection = connections[using]
    if not connection.features.can_return_columns_from_insert:
        return None
    quote = connection.ops.quote_name
    fields: list[Any] = [model._meta.get_field(each) for each in values]
    given = [field.get_db_prep_save(value, connection) for field, value in zip(fields, values.values(), strict=True)]
    table, column = quote(model._meta.db_table), quote(str(model._meta.get_field(name).column))  # type: ignore[union-attr]
    # The types of values are not known in a SELECT of PostgreSQL.
    cast = connection.vendor == "postgresql"
    marks = ", ".join(f"CAST(%s AS {field.db_type(connection)})" if cast else "%s" for field in fields)
    sql = (
        f"INSERT INTO {table} ({', '.join(quote(field.column) for field in fields)}) SELECT {marks}"
        f" WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {column} = %s)"
        f" ON CONFLICT DO NOTHING RETURNING {quote(str(model._meta.pk.column))}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*given, given[list(values).index(name)]])
        row = cursor.fetchone()
    return row[0] if row else None
