"""System checks of the app's settings."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.db import connections, router

from hashing.conf import KNOWN_KEYS, UPLOAD_CHOICES, HashingSettings, hashing_settings
from hashing.perceptual_hash import HASH_BITS


@register("hashing")
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    given = getattr(settings, "HASHING", {})
    if not isinstance(given, dict):
        return [Error("HASHING must be a dict.", id="hashing.E001")]
    return [_unknown_key(key) for key in sorted(given.keys() - KNOWN_KEYS)] or _wrong_values()


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


def _deferred_transactions(alias: str) -> CheckMessage:
    options = '{"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": "PRAGMA journal_mode=WAL;"}'
    return checks.Warning(
        f'Transactions in the SQLite database {alias!r} may fail with "database is locked" when two processes write.',
        hint=f"Set DATABASES[{alias!r}]['OPTIONS'] to {options}.",
        id="hashing.W001",
    )


def _has_one_connection(name: object) -> bool:
    return ":memory:" in str(name) or "mode=memory" in str(name)


def _begins_as_writer(options: dict[str, Any]) -> bool:
    return str(options.get("transaction_mode", "")).upper() in {"IMMEDIATE", "EXCLUSIVE"}


def _unknown_key(key: str) -> CheckMessage:
    known = ", ".join(sorted(KNOWN_KEYS))
    return Error(f"HASHING has no key {key!r}.", hint=f"Its keys are {known}.", id="hashing.E002")


def _wrong_values() -> list[CheckMessage]:
    values = hashing_settings()
    rules = {
        "MAX_PIXELS": (_is_number(values.MAX_PIXELS) and values.MAX_PIXELS >= 1, "a whole number above 0"),
        "MAX_BYTES": (_is_whole(values.MAX_BYTES) and values.MAX_BYTES >= 1, "a whole number above 0"),
        "MIN_QUALITY": (_is_number(values.MIN_QUALITY) and 0 <= values.MIN_QUALITY <= 100, "a number from 0 to 100"),
        "MAX_DISTANCE": (
            _is_number(values.MAX_DISTANCE) and 0 <= values.MAX_DISTANCE <= HASH_BITS and values.MAX_DISTANCE % 1 == 0,
            f"a whole number from 0 to {HASH_BITS}",
        ),
        "TIMEOUT": (_is_number(values.TIMEOUT) and values.TIMEOUT > 0, "a number of seconds above 0"),
        "ON_UPLOAD": (values.ON_UPLOAD in UPLOAD_CHOICES, f"one of {', '.join(map(repr, UPLOAD_CHOICES))}"),
        "ACTION_LIMIT": (
            _is_number(values.ACTION_LIMIT) and values.ACTION_LIMIT >= 1 and values.ACTION_LIMIT % 1 == 0,
            "a whole number above 0",
        ),
    }
    wrong: list[CheckMessage] = [
        Error(f"HASHING[{key!r}] must be {rule}.", id="hashing.E003") for key, (fine, rule) in rules.items() if not fine
    ]
    return wrong or _missing_tasks(values)


def _missing_tasks(values: HashingSettings) -> list[CheckMessage]:
    if values.ON_UPLOAD != "task" or any(map(find_spec, ("django.tasks", "django_tasks"))):
        return []
    hint = "Install the package django-tasks, or use Django 6.0 or newer."
    return [Error("HASHING['ON_UPLOAD'] is 'task', and there is no Tasks interface.", hint=hint, id="hashing.E004")]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
