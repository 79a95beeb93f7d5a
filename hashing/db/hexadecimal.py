"""Fields whose values are hexadecimal text of a fixed length, in lower case, and are stored in half the bytes."""

from __future__ import annotations

from typing import Any

from django.db import models

BYTES = 8


class HexField(models.Field):  # type: ignore[type-arg]
    """Base of the fields. Migrations have Django's field with the same column, so they need no class of the app."""

    stored_as: type[models.Field[Any, Any]]

    def get_internal_type(self) -> str:
        return self.stored_as.__name__

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, *self.stored_as(*args, **kwargs).deconstruct()[1:]


class HexIntegerField(HexField):
    """16 hexadecimal characters, stored as an integer with the same 64 bits."""

    stored_as = models.BigIntegerField

    def get_prep_value(self, value: Any) -> int | None:
        """Raise `ValueError` for any other text."""
        value = super().get_prep_value(value)
        if value is None:
            return None
        content = bytes.fromhex(value)
        if len(content) != BYTES:
            raise ValueError(f"Not {2 * BYTES} hexadecimal characters: {value!r}")
        return int.from_bytes(content, signed=True)

    def from_db_value(self, value: int | None, *_: Any) -> str | None:
        return None if value is None else value.to_bytes(BYTES, signed=True).hex()


class HexBinaryField(HexField):
    """Hexadecimal text of any length, two characters stored as a byte."""

    stored_as = models.BinaryField

    def get_prep_value(self, value: Any) -> bytes | None:
        """Raise `ValueError` for text that is not hexadecimal."""
        value = super().get_prep_value(value)
        return None if value is None else bytes.fromhex(value)

    def from_db_value(self, value: Any, *_: Any) -> str | None:
        return None if value is None else bytes(value).hex()
