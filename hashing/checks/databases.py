from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Tags, register
from django.db import connections, router
from django.db.models import Model

from hashing.checks.messages import error, warning
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset

SEARCHED_VENDORS = ("postgresql", "sqlite")
SQLITE_OPTIONS = '{"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": "PRAGMA journal_mode=WAL;"}'


@register("hashing")
def check_vendor(**_kwargs: Any) -> list[CheckMessage]:
    alias = router.db_for_write(ImageAsset)
    vendor = connections[alias].vendor
    if vendor in SEARCHED_VENDORS:
        return []
    message = f"The database {alias!r} is {vendor}, in which images cannot be searched by their hashes."
    hint = "Use PostgreSQL or SQLite, or route the models of the app 'hashing' to such a database."
    return [error("E007", message, hint)]


@register("hashing")
def check_routers(**_kwargs: Any) -> list[CheckMessage]:
    """Require one database for all tables of the app, because they refer to each other."""
    alias = router.db_for_write(ImageAsset)
    separated = [
        str(model._meta.object_name)
        for model in models_with_tables()
        if not router.allow_migrate_model(alias, model) or router.db_for_write(model) != alias
    ]
    if not separated:
        return []
    message = (
        f"Image assets are written to {alias!r}, but a router keeps tables from this database: {', '.join(separated)}."
    )
    hint = "Let all models of the app 'hashing' be written to one database, and allow its migrations there."
    return [error("E013", message, hint)]


@register("hashing")
def check_sqlite(**_kwargs: Any) -> list[CheckMessage]:
    """Warn of SQLite databases in which transactions can fail as soon as there are two writers."""
    aliases = [alias for alias in connections if router.allow_migrate(alias, "hashing", model_name="imageasset")]
    return [
        warning(
            "W001",
            f'Transactions in the SQLite database {alias!r} may fail with "database is locked" with several processes.',
            f"Set DATABASES[{alias!r}]['OPTIONS'] to {SQLITE_OPTIONS}.",
        )
        for alias in aliases
        if connections[alias].vendor == "sqlite" and has_deferred_transactions(connections[alias].settings_dict)
    ]


def has_deferred_transactions(settings: dict[str, Any]) -> bool:
    """Whether transactions begin as readers. A database in memory has one connection, and so one writer."""
    name, mode = str(settings["NAME"]), str(settings["OPTIONS"].get("transaction_mode", "")).upper()
    is_in_memory = ":memory:" in name or "mode=memory" in name
    return not is_in_memory and mode not in {"IMMEDIATE", "EXCLUSIVE"}


@register(Tags.database)
def check_tables(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """Warn of tables that are missing. Django runs checks of this tag only where a command names databases."""
    if is_migrating():
        return []
    return [
        warning(
            "W011",
            f"The database {alias!r} lacks tables of the app 'hashing'.",
            f"Run 'manage.py migrate --database {alias}' before a process is started that has the app installed.",
        )
        for alias in databases or ()
        if lacks_tables(alias)
    ]


@register(Tags.database)
def check_versions(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """Warn of hashes that an upgrade has left behind."""
    if is_migrating():
        return []
    return [
        warning(
            "W012",
            f"Images in the database {alias!r} have hashes of another version than {HASH_VERSION}, which this program"
            " computes. They are compared only with one another.",
            "Run 'manage.py backfill_hashes --stale' to replace these hashes.",
        )
        for alias in databases or ()
        if router.allow_migrate_model(alias, ImageAsset)
        and not lacks_tables(alias)
        and ImageAsset.objects.using(alias).stale().exists()
    ]


def is_migrating() -> bool:
    """Whether the checks are those of `migrate`, which runs them before it makes the tables."""
    return sys.argv[1:2] == ["migrate"]


def lacks_tables(alias: str) -> bool:
    expected = {model._meta.db_table for model in models_with_tables() if router.allow_migrate_model(alias, model)}
    return not expected <= set(connections[alias].introspection.table_names())


def models_with_tables() -> list[type[Model]]:
    return [model for model in apps.get_app_config("hashing").get_models() if not model._meta.proxy]
