from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.conf import hashing_settings
from hashing.exchange.duplicate_records import DUPLICATE_COLUMNS, duplicate_records
from hashing.fingerprint.similarity import DEFAULT_MAX_DISTANCE, LARGEST_DISTANCE
from hashing.grouping.full_run import run_grouping
from hashing.grouping.options import GroupingOptions
from hashing.grouping.report import GroupingReport
from hashing.hamming_join.self_join import TooManyPairs
from hashing.management.base import STDOUT, WRONG_USAGE, at_least
from hashing.management.export import ExportCommand
from hashing.management.progress import show_phases

INTERRUPTED = 130


class Command(ExportCommand):
    help = gettext_lazy(  # type: ignore[assignment]
        "Find the image assets that show the same picture, and store them in groups for review. Deletes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_source_argument(parser)
        add = parser.add_argument
        usual = hashing_settings().MAX_DISTANCE
        distance = _("how far apart two pictures that are the same may be, 0 to %(largest)d (default: %(usual)d)")
        distance %= {"largest": LARGEST_DISTANCE, "usual": usual}
        add("--max-distance", type=at_least(0), default=usual, metavar="N", help=distance)
        add("--any-orientation", action="store_true", help=_("also mirrored, flipped and turned copies"))
        add("--exact-bytes", action="store_true", help=_("only files with equal bytes"))
        add("--dry-run", action="store_true", help=_("find groups, and store nothing"))
        self.add_output_arguments(parser, _("also write the groups there, as export_duplicates does"))
        self.add_common_arguments(parser)

    def handle(self, *args: Any, dry_run: bool, no_progress: bool, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        options = self.make_options(GroupingOptions, given | {"sources": self.chosen_sources(given["sources"])})
        if given["format"] and not given["output"]:
            raise CommandError(_("--format needs --output."), returncode=WRONG_USAGE)
        output = self.chosen_output(given["output"], given["format"]) if given["output"] else None
        if options.max_distance > DEFAULT_MAX_DISTANCE:
            warning = _("Above a distance of %(distance)d, different pictures begin to match.")
            self.stderr.write(warning % {"distance": DEFAULT_MAX_DISTANCE})
        with show_phases(self.progress_stream, hidden=no_progress) as progress:
            report = self._run(options, dry_run=dry_run, using=database, progress=progress)
        # stdout must have the records alone.
        text = self.stderr if output and output.name == STDOUT else self.stdout
        text.write(report.as_text())
        if output:
            records = duplicate_records(report.groups, database)
            self.write_records(output, DUPLICATE_COLUMNS, records, hidden=no_progress)

    def _run(self, options: GroupingOptions, **keywords: Any) -> GroupingReport:
        try:
            return run_grouping(options, **keywords)
        except KeyboardInterrupt:
            self.stderr.write("\n" + _("Stopped. To continue, run the same command again."))
            sys.exit(INTERRUPTED)
        except TooManyPairs as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, InterfaceError) as error:
            self.report_unavailable_database(error)
