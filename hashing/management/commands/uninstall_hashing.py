from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import connections, router
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.checks.messages import documentation_page
from hashing.management.base import HashingCommand
from hashing.previews.deletion import delete_all_previews
from hashing.previews.location import find_all_previews
from hashing.sources.registry import all_sources


class Command(HashingCommand):
    help = gettext_lazy(  # type: ignore[assignment]
        "Remove what the app has stored: tables, previews, permissions, entries in other tables. Images stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-input", action="store_true", help=_("do not ask for confirmation"))
        text = _("database whose tables are dropped (default: the one that image assets are written to)")
        parser.add_argument("--database", metavar="ALIAS", help=text)

    def handle(self, *args: Any, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        if sources := ", ".join(source.label for source in all_sources()):
            text = _(
                "The site has sources, whose rows could not be saved without the app: %(sources)s. Remove them first."
            )
            raise CommandError(text % {"sources": sources})
        if models := ", ".join(referring_models()):
            text = _("Models of other apps refer to those of this one: %(models)s.")
            raise CommandError(text % {"models": models})
        for name, count in count_everything(database).items():
            self.stdout.write(f"  {count:>9} {name}")
        if not given["no_input"] and not self.is_confirmed():
            raise CommandError(_("Nothing was removed."))
        remove_everything(database)
        page = documentation_page("how-to/rollout.md")
        text = _("Removed. Now remove the app from the settings: see %(page)s")
        self.stdout.write(text % {"page": f"{page}#uninstalling"})

    def is_confirmed(self) -> bool:
        self.stdout.write(_("All of this will be removed, including decisions about images. The images stay."))
        self.stdout.flush()
        try:
            return input(_("Type 'yes' to continue: ")) == "yes"
        except EOFError:
            return False


def referring_models() -> list[str]:
    """Return the labels of models of other apps that have relations to those of this one."""
    relations = [field for model in own_models() for field in model._meta.get_fields(include_hidden=True)]
    models: set[Any] = {each.related_model for each in relations if each.is_relation and each.auto_created}
    return sorted(model._meta.label for model in models if model._meta.app_label != "hashing")


def count_everything(using: str) -> dict[str, int]:
    counts = {_("tables of the database %(alias)r") % {"alias": using}: len(own_tables(using))}
    counts |= {name: rows.count() for name, rows in rows_of_other_apps().items()}
    counts[_("previews")] = sum(1 for _name in find_all_previews())
    return counts


def remove_everything(using: str) -> None:
    """Remove all that the app has stored, and its tables in this database. Can be repeated after an interruption."""
    delete_all_previews()
    call_command("migrate", "hashing", "zero", database=using, interactive=False, verbosity=0)
    for rows in rows_of_other_apps().values():
        rows.delete()


def own_tables(using: str) -> list[str]:
    """Return the tables of the app that exist in this database."""
    names = {model._meta.db_table for model in own_models()}
    return sorted(names.intersection(connections[using].introspection.table_names()))


def own_models() -> list[type[Model]]:
    return list(apps.get_app_config("hashing").get_models())


def rows_of_other_apps() -> dict[str, QuerySet[Any]]:
    """Return the rows about this app in the tables of Django and of the task queue."""
    found: dict[str, QuerySet[Any]] = {}
    if apps.is_installed("django_tasks_db"):
        tasks = rows_of("django_tasks_database.DBTaskResult")
        found[_("tasks and results of tasks")] = tasks.filter(task_path__startswith="hashing.")
    if apps.is_installed("django.contrib.admin"):
        entries = rows_of("admin.LogEntry").filter(content_type__app_label="hashing")
        found[_("entries in the history of the admin")] = entries
    # Last, because the entries are found by their content types.
    types = rows_of("contenttypes.ContentType").filter(app_label="hashing")
    found[_("content types, with their permissions and whatever else refers to them")] = types
    return found


def rows_of(label: str) -> QuerySet[Any]:
    model: Any = apps.get_model(label)
    rows: QuerySet[Any] = model._base_manager.using(router.db_for_write(model))
    return rows
