from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from hashing.management.base import HashingCommand
from hashing.sources.registry import all_sources


class Command(HashingCommand):
    help = "Register the files of the site's own models, and remove the assets of deleted rows. Deletes no file."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_source_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help="count, and write nothing")
        self.add_common_arguments(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        labels = self.chosen_sources(given["sources"])
        if not all_sources():
            self.stderr.write('No sources are configured. List them in HASHING["SOURCES"].')
            return
        counts = self.sync_sources(labels, database, hidden=given["no_progress"], dry_run=given["dry_run"])
        self.stdout.write(f"{'Would be' if given['dry_run'] else 'Sources'}: {counts}.")
