from __future__ import annotations

from typing import NamedTuple, Self


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
