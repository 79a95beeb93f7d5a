from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections, models

from hashing.db.bulk_update import array_type


def insert_rows(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]], using: str) -> None:
    """Insert values for the fields `names`, without instances and signals, in the caller's transaction.

    All other fields must be null by default, or have a default in the database.
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
    """Insert a row, in one query, unless another row has its value of the field `name`, or of a unique field.

    Return its key, or None if it was not inserted, or if the database has no such query.
    """
    connection = connections[using]
    if not connection.features.can_return_columns_from_insert:
        return None
    quote = connection.ops.quote_name
    fields: list[Any] = [model._meta.get_field(each) for each in values]
    given = [field.get_db_prep_save(value, connection) for field, value in zip(fields, values.values(), strict=True)]
    table, column = quote(model._meta.db_table), quote(str(model._meta.get_field(name).column))  # type: ignore[union-attr]
    # PostgreSQL does not infer the types of parameters in a SELECT.
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
