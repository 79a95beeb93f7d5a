"""The site's settings with the tables of the app in a database of their own: users and sources are in another."""

from __future__ import annotations

from typing import Any

from tests.sources.site_settings import *  # noqa: F403
from tests.sources.site_settings import DATABASES

DATABASES = {**DATABASES, "images": {**DATABASES["default"], "NAME": f"{DATABASES['default']['NAME']}-images"}}
DATABASE_ROUTERS = ["tests.databases.separate_settings.Router"]


class Router:
    """Forbids relations between the two, as Django's documentation shows it."""

    def db_for_read(self, model: Any, **_hints: Any) -> str:
        return "images" if model._meta.app_label == "hashing" else "default"

    db_for_write = db_for_read

    def allow_relation(self, one: Any, other: Any, **_hints: Any) -> bool:
        return self.db_for_read(one) == self.db_for_read(other)

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool:
        return db == ("images" if app_label == "hashing" else "default")
