"""The databases that the tables of this app are in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Tags, register
from django.db import connections, router
from django.db.models import Model

from hashing.checks.messages import error, warning

SEARCHED_VENDORS = ("postgresql", "sqlite")


@register("hashing")
def check_vendor(**_kwargs: Any) -> list[CheckMessage]:
    alias = _asset_database()
    vendor = connections[alias].vendor
    if vendor in SEARCHED_VENDORS:
        return []
    message = f"The database {alias!r} is {vendor}, in which images cannot be searched by their hashes."
    hint = "Use PostgreSQL or SQLite, or route the models of the app 'hashing' to such a database."
    return [error("E007", message, hint)]


@register("hashing")
def check_routers(**_kwargs: Any) -> list[CheckMessage]:
    """All tables of the app refer to each other, so that one database must have them."""
    alias = _asset_database()
    apart = [
        str(model._meta.object_name)
        for model in _models_with_tables()
        if not router.allow_migrate_model(alias, model) or router.db_for_write(model) != alias
    ]
    if not apart:
        return []
    message = (
        f"Image assets are written to {alias!r}, but a router keeps tables from this database: {', '.join(apart)}."
    )
    hint = "Let all models of the app 'hashing' be written to one database, and allow its migrations there."
    return [error("E013", message, hint)]


@register("hashing")
def check_sqlite(**_kwargs: Any) -> list[CheckMessage]:
    """Warn of SQLite databases in which transactions can fail as soon as there are two writers."""
    return [
        _deferred_transactions(alias)
        for alias in connections
        if connections[alias].vendor == "sqlite"
        and router.allow_migrate(alias, "hashing", model_name="imageasset")
        and not _has_one_connection(connections[alias].settings_dict["NAME"])
        and not _begins_as_writer(connections[alias].settings_dict["OPTIONS"])
    ]


@register(Tags.database)
def check_tables(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """Only where a command says which databases it has to do with, as for any check that asks the database itself."""
    # It makes them, and runs the checks before.
    if sys.argv[1:2] == ["migrate"]:
        return []
    return [_missing_tables(alias) for alias in databases or () if _lacks_tables(alias)]


def _lacks_tables(alias: str) -> bool:
    wanted = {model._meta.db_table for model in _models_with_tables() if router.allow_migrate_model(alias, model)}
    return not wanted <= set(connections[alias].introspection.table_names())


def _missing_tables(alias: str) -> CheckMessage:
    message = f"The database {alias!r} lacks tables of the app 'hashing'."
    hint = f"Run 'manage.py migrate --database {alias}' before a process is started that has the app installed."
    return warning("W011", message, hint)


def _deferred_transactions(alias: str) -> CheckMessage:
    options = '{"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": "PRAGMA journal_mode=WAL;"}'
    message = (
        f'Transactions in the SQLite database {alias!r} may fail with "database is locked" with several processes.'
    )
    return warning("W001", message, f"Set DATABASES[{alias!r}]['OPTIONS'] to {options}.")


def _has_one_connection(name: object) -> bool:
    return ":memory:" in str(name) or "mode=memory" in str(name)


def _begins_as_writer(options: dict[str, Any]) -> bool:
    return str(options.get("transaction_mode", "")).upper() in {"IMMEDIATE", "EXCLUSIVE"}


def _asset_database() -> str:
    return router.db_for_write(apps.get_model("hashing", "ImageAsset"))


def _models_with_tables() -> list[type[Model]]:
    return [model for model in apps.get_app_config("hashing").get_models() if not model._meta.proxy]
