from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from hashing.conf import hashing_settings
from hashing.grouping.options import GroupingOptions
from hashing.grouping.report import GroupingReport
from hashing.grouping.run import run_grouping
from hashing.management.number_types import at_least
from hashing.management.phases import ShownPhases
from hashing.pairs.near_pairs import TooManyPairs
from hashing.text import first_line

WRONG_USAGE, INTERRUPTED = 2, 130
# Beyond it, different pictures begin to look the same to a difference hash.
LARGE_DISTANCE = 10


class Command(BaseCommand):
    help = "Find the image assets that show the same picture, and store them in groups for review. Deletes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        usual = hashing_settings().MAX_DISTANCE
        bits = at_least(0)
        add("--max-distance", type=bits, default=usual, metavar="N", help=f"bits that may differ (default: {usual})")
        add("--confirm-distance", type=bits, metavar="N", help="for the second hash (default: as --max-distance)")
        add("--any-orientation", action="store_true", help="also mirrored, flipped and turned copies")
        add("--exact-bytes", action="store_true", help="only files that are equal byte for byte; reads them")
        add("--json", dest="json_file", metavar="FILE", help="write the groups there as JSON; - for stdout")
        add("--csv", dest="csv_file", metavar="FILE", help="write the groups there as CSV; - for stdout")
        add("--dry-run", action="store_true", help="find, and store nothing")
        add("--no-progress", action="store_true", help="no bar and no progress lines")
        add("--database", default=DEFAULT_DB_ALIAS, metavar="ALIAS", help="database to work on (default: default)")

    def handle(
        self,
        *args: Any,
        json_file: str | None,
        csv_file: str | None,
        dry_run: bool,
        no_progress: bool,
        database: str,
        **given: Any,
    ) -> None:
        options = self._options(database, given)
        targets = [self._target(name) for name in (json_file, csv_file)]
        if json_file == csv_file == "-":
            raise CommandError("Only one of --json and --csv can go to stdout.", returncode=WRONG_USAGE)
        if options.max_distance > LARGE_DISTANCE:
            self.stderr.write(f"A distance above {LARGE_DISTANCE} brings different pictures together.")
        with ShownPhases(sys.stderr, hidden=no_progress) as progress:
            report = self._run(options, dry_run=dry_run, using=database, progress=progress)
        # What goes to stdout must be whole: JSON or CSV and nothing else.
        text = self.stderr if "-" in (json_file, csv_file) else self.stdout
        text.write(report.as_text())
        for target, write in zip(targets, (report.write_json, report.write_csv), strict=True):
            if target:
                self._write(target, write)

    def _run(self, options: GroupingOptions, **keywords: Any) -> GroupingReport:
        try:
            return run_grouping(options, **keywords)
        except KeyboardInterrupt:
            self.stderr.write("\nStopped. Nothing is lost: run the same command again.")
            sys.exit(INTERRUPTED)
        except TooManyPairs as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, InterfaceError) as error:
            message = f"The database cannot be used: {first_line(error)}. Is it running, and migrated?"
            raise CommandError(message) from error

    def _options(self, database: str, given: dict[str, Any]) -> GroupingOptions:
        if database not in connections:
            raise CommandError(f"There is no database {database!r} in the settings.", returncode=WRONG_USAGE)
        names = [field.name for field in fields(GroupingOptions) if field.name in given]
        try:
            return GroupingOptions(**{name: given[name] for name in names})
        # The parser has refused wrong numbers; call_command() passes its own around it.
        except (TypeError, ValueError) as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error

    def _target(self, name: str | None) -> str | None:
        """Looked at before the work, so that a wrong name costs no time."""
        path = Path(name or "-")
        if name not in (None, "-") and (path.is_dir() or not path.parent.is_dir()):
            raise CommandError(f"Cannot write a file at {name}", returncode=WRONG_USAGE)
        return name

    def _write(self, target: str, write: Callable[[Any], None]) -> None:
        try:
            with self._opened(target) as file:
                write(file)
        except OSError as error:
            raise CommandError(f"Cannot write {target}: {error.strerror}") from error

    def _opened(self, target: str) -> AbstractContextManager[Any]:
        return nullcontext(self.stdout) if target == "-" else Path(target).open("w", encoding="utf-8", newline="")
