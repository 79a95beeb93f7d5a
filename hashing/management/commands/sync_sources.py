from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.management.base import HashingCommand
from hashing.sources.registry import all_sources


class Command(HashingCommand):
    help = gettext_lazy(  # type: ignore[assignment]
        "Register the files of the site's own models, and remove the assets of deleted rows. Deletes no file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_source_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help=_("count, and write nothing"))
        self.add_common_arguments(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        labels = self.chosen_sources(given["sources"])
        if not all_sources():
            self.stderr.write(_('No sources are configured. List them in HASHING["SOURCES"].'))
            return
        counts = self.sync_sources(labels, database, hidden=given["no_progress"], dry_run=given["dry_run"])
        text = _("Would be: %(counts)s.") if given["dry_run"] else _("Sources: %(counts)s.")
        self.stdout.write(text % {"counts": counts})
