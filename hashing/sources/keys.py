from __future__ import annotations

from typing import Any, NamedTuple, Self

from django.db import connections, models
from django.db.models import Func, Model, TextField, Value
from django.db.models.functions import Cast, Concat, Replace, Substr

# Start and length of the parts of a UUID that is stored as 32 characters.
UUID_PARTS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))


class SourceKey(NamedTuple):
    """The owner of a file, in text: the label of a model, the key of a row, and the name of its file field."""

    source_type: str
    source_id: str
    source_field: str

    @classmethod
    def of(cls, source_type: str | None, source_id: str | None, source_field: str | None) -> Self | None:
        """Return None for an asset without an owner."""
        if source_type is None or source_id is None or source_field is None:
            return None
        return cls(source_type, source_id, source_field)

    @property
    def source_label(self) -> str:
        return f"{self.source_type}.{self.source_field}"

    def __str__(self) -> str:
        return f"{self.source_label} {self.source_id}"


def key_field(model: type[Model]) -> models.Field[Any, Any]:
    """Return the field of the primary key; for a child of multi-table inheritance, that of its parent."""
    field: Any = model._meta.pk
    while field.remote_field:
        field = field.target_field
    return field  # type: ignore[no-any-return]


def key_as_text(model: type[Model], using: str) -> Any:
    """Return an expression that is equal to `str(row.pk)`."""
    if stores_uuid_as_characters(model, using):
        parts: list[Any] = []
        for start, length in UUID_PARTS:
            parts += [Value("-"), Substr(Cast("pk", TextField()), start, length)]
        return Concat(*parts[1:], output_field=TextField())
    return Cast("pk", TextField())


def text_as_key(text: Any, model: type[Model], using: str) -> Any:
    """Return an expression for the key that a text stands for, which the database can look up in the key's index."""
    field = key_field(model)
    if stores_uuid_as_characters(model, using):
        return TypedExpression(Replace(text, Value("-"), Value("")), output_field=models.UUIDField())
    if isinstance(field, models.UUIDField):
        return Cast(text, models.UUIDField())
    return Cast(text, models.BigIntegerField()) if isinstance(field, models.IntegerField) else text


def stores_uuid_as_characters(model: type[Model], using: str) -> bool:
    return isinstance(key_field(model), models.UUIDField) and not connections[using].features.has_native_uuid_field


class TypedExpression(Func):
    """An expression with another type for Django, and no cast in SQL."""

    template = "%(expressions)s"
    arity = 1
