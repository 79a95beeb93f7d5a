"""System checks of the app's settings, and of what it needs of the site's."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.db import connections, router

from hashing.conf import KNOWN_KEYS, UPLOAD_CHOICES, HashingSettings, hashing_settings
from hashing.similarity import BEST_QUALITY, LARGEST_DISTANCE

SEARCHED_VENDORS = ("postgresql", "sqlite")


@register("hashing")
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    given = getattr(settings, "HASHING", {})
    if not isinstance(given, dict):
        return [Error("HASHING must be a dict.", id="hashing.E001")]
    return [_unknown_key(key) for key in sorted(given.keys() - KNOWN_KEYS)] or _wrong_values()


@register("hashing")
def check_admin_actions(**_kwargs: Any) -> list[CheckMessage]:
    """The buttons of the admin are in templates of django-admin-actions that stand in for Django's own."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    names = [config.name for config in apps.get_app_configs()]
    hint = "Put 'admin_actions' before 'django.contrib.admin' in INSTALLED_APPS."
    if "admin_actions" not in names:
        return [Error("The app 'admin_actions' is not installed.", hint=hint, id="hashing.E005")]
    if names.index("admin_actions") > names.index("django.contrib.admin"):
        message = "'admin_actions' comes after 'django.contrib.admin', whose templates hide the buttons."
        return [Error(message, hint=hint, id="hashing.E006")]
    return []


@register("hashing")
def check_database_vendor(**_kwargs: Any) -> list[CheckMessage]:
    alias = router.db_for_write(_image_asset())
    vendor = connections[alias].vendor
    if vendor in SEARCHED_VENDORS:
        return []
    message = f"The database {alias!r} is {vendor}, in which images cannot be searched by their hashes."
    hint = "Use PostgreSQL or SQLite, or route the models of the app 'hashing' to such a database."
    return [Error(message, hint=hint, id="hashing.E007")]


@register("hashing")
def check_storage(**_kwargs: Any) -> list[CheckMessage]:
    storage = _image_asset()._meta.get_field("image").storage
    if isinstance(storage, InMemoryStorage):
        message = "Images are stored in the memory of a process, where commands and other workers cannot read them."
        hint = "Use a storage that all processes share, except in tests."
        return [checks.Warning(message, hint=hint, id="hashing.W002")]
    if isinstance(storage, FileSystemStorage) and not storage.base_location:
        message = "MEDIA_ROOT is empty: images are stored in the folder in which a process is started."
        return [checks.Warning(message, hint="Set MEDIA_ROOT to an absolute path.", id="hashing.W003")]
    return []


@register("hashing")
def check_upload_task(**_kwargs: Any) -> list[CheckMessage]:
    """Warn where uploads are left to a task that nobody runs."""
    given = getattr(settings, "HASHING", {})
    if not isinstance(given, dict) or given.get("ON_UPLOAD") != "task" or not _has_tasks():
        return []
    from hashing.task_queue import runs_nothing
    from hashing.tasks import hash_upload

    if not runs_nothing(hash_upload):
        return []
    message = "HASHING['ON_UPLOAD'] is 'task', and the task backend runs no task."
    hint = "Set TASKS to a backend other than DummyBackend, or ON_UPLOAD to 'inline' or 'off'."
    return [checks.Warning(message, hint=hint, id="hashing.W004")]


def _image_asset() -> Any:
    return apps.get_model("hashing", "ImageAsset")


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
        "MIN_QUALITY": (
            _is_whole(values.MIN_QUALITY) and 0 <= values.MIN_QUALITY <= BEST_QUALITY,
            f"a whole number from 0 to {BEST_QUALITY}",
        ),
        "MAX_DISTANCE": (
            _is_whole(values.MAX_DISTANCE) and 0 <= values.MAX_DISTANCE <= LARGEST_DISTANCE,
            f"a whole number from 0 to {LARGEST_DISTANCE}",
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
    if values.ON_UPLOAD != "task" or _has_tasks():
        return []
    hint = "Install the package django-tasks, or use Django 6.0 or newer."
    return [Error("HASHING['ON_UPLOAD'] is 'task', and there is no Tasks interface.", hint=hint, id="hashing.E004")]


def _has_tasks() -> bool:
    return any(map(find_spec, ("django.tasks", "django_tasks")))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
