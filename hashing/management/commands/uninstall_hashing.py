from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from hashing.checks.messages import documentation_page
from hashing.management.base import HashingCommand
from hashing.sources.registry import all_sources
from hashing.uninstall import count_everything, referring_models, remove_everything


class Command(HashingCommand):
    help = "Remove what the app has stored: tables, previews, permissions, its entries in other tables. Images stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-input", action="store_true", help="do not ask")
        text = "database whose tables are dropped (default: the one that image assets are written to)"
        parser.add_argument("--database", metavar="ALIAS", help=text)

    def handle(self, *args: Any, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        self._refuse_if_in_use()
        for name, count in count_everything(database).items():
            self.stdout.write(f"  {count:>9} {name}")
        if not given["no_input"] and not self._is_confirmed():
            raise CommandError("Nothing was removed.")
        remove_everything(database)
        page = documentation_page("rollout.md")
        self.stdout.write(f"Removed. Now take the app out of the settings: see {page}#uninstalling")

    def _refuse_if_in_use(self) -> None:
        if sources := ", ".join(source.label for source in all_sources()):
            message = f"The site has sources, whose rows could not be saved any more: {sources}. Take them out first."
            raise CommandError(message)
        if models := ", ".join(referring_models()):
            message = f"Models of other apps refer to those of this one, and would lose their tables: {models}."
            raise CommandError(message)

    def _is_confirmed(self) -> bool:
        self.stdout.write("All of this will be removed, decisions about images with it. Images stay where they are.")
        self.stdout.flush()
        try:
            return input("Type 'yes' to go on: ") == "yes"
        except EOFError:
            return False
