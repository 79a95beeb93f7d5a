from __future__ import annotations

from typing import Any


class ReplicaRouter:
    """Reads from a copy that cannot be written to."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "default"


class ImageRouter:
    """Keeps the index in a database of its own, which has no other tables."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "images" if model._meta.app_label == "hashing" else "default"

    db_for_write = db_for_read

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return self.db_for_read(one) == self.db_for_read(other)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == "images") == (app_label == "hashing")
