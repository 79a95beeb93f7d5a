"""A `bulk_create` without instances, for a million rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections, models

from hashing.guarded_update import array_type


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
