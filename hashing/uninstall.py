"""What this app has stored at a site, and its removal. Images are none of it: they stay."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connections, router
from django.db.models import Model, QuerySet

from hashing.previews import delete_all_previews, find_all_previews


def referring_models() -> list[str]:
    """Return the labels of models of other apps that have relations to those of this one."""
    relations = [field for model in _own_models() for field in model._meta.get_fields(include_hidden=True)]
    models: set[Any] = {each.related_model for each in relations if each.is_relation and each.auto_created}
    return sorted(model._meta.label for model in models if model._meta.app_label != "hashing")


def own_tables(using: str) -> list[str]:
    """Return the tables that are there."""
    names = {model._meta.db_table for model in _own_models()}
    return sorted(names.intersection(connections[using].introspection.table_names()))


def rows_of_other_apps() -> dict[str, QuerySet[Any]]:
    """Return the rows that are about this app, in tables of Django and of the task queue in the database."""
    found: dict[str, QuerySet[Any]] = {}
    if apps.is_installed("django_tasks_db"):
        tasks = _rows("django_tasks_database.DBTaskResult")
        found["tasks and results of tasks"] = tasks.filter(task_path__startswith="hashing.")
    if apps.is_installed("django.contrib.admin"):
        found["entries in the history of the admin"] = _rows("admin.LogEntry").filter(content_type__app_label="hashing")
    # Last, because the others are found by it.
    types = _rows("contenttypes.ContentType").filter(app_label="hashing")
    found["content types, with their permissions and whatever else refers to them"] = types
    return found


def remove_everything(using: str) -> None:
    """Remove all of it, of the tables those in this database. Interrupted, it can be called again."""
    delete_all_previews()
    call_command("migrate", "hashing", "zero", database=using, interactive=False, verbosity=0)
    for rows in rows_of_other_apps().values():
        rows.delete()


def count_everything(using: str) -> dict[str, int]:
    counts = {f"tables of the database {using!r}": len(own_tables(using))}
    counts |= {name: rows.count() for name, rows in rows_of_other_apps().items()}
    counts["previews"] = sum(1 for _ in find_all_previews())
    return counts


def _own_models() -> list[type[Model]]:
    return list(apps.get_app_config("hashing").get_models())


def _rows(label: str) -> QuerySet[Any]:
    model: Any = apps.get_model(label)
    rows: QuerySet[Any] = model._base_manager.using(router.db_for_write(model))
    return rows
