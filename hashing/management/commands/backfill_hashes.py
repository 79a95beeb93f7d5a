from __future__ import annotations

import json
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from hashing.backfill import Backfill, BackfillOptions, BackfillReport
from hashing.backfill.options import available_cores
from hashing.conf import hashing_settings
from hashing.management.graceful_stop import StopRequest, graceful_stop
from hashing.management.number_types import at_least, seconds
from hashing.management.progress import show_progress
from hashing.models import ImageAsset

FAILURE, WRONG_USAGE = 1, 2


class Command(BaseCommand):
    help = "Compute perceptual hashes for the image assets that have none. Run it again to go on where it ended."

    def add_arguments(self, parser: CommandParser) -> None:
        cores, timeout = available_cores(), hashing_settings().TIMEOUT
        add = parser.add_argument
        add("--batch-size", type=at_least(1), default=500, metavar="N", help="rows written at a time (default: 500)")
        add("--limit", type=at_least(0), metavar="N", help="stop after this many images")
        add("--workers", type=at_least(1), default=cores, metavar="N", help=f"processes that decode (default: {cores})")
        add("--start-pk", metavar="PK", help="first key to look at")
        add("--end-pk", metavar="PK", help="last key to look at")
        add("--skip-failed", action="store_true", help="leave out images that failed before")
        add("--rehash", action="store_true", help="also images that have a hash")
        add("--timeout", type=seconds, default=timeout, metavar="SECONDS", help=f"for one image (default: {timeout})")
        add("--dry-run", action="store_true", help="read and hash, write nothing")
        add("--no-progress", action="store_true", help="no bar and no progress lines")
        add(
            "--json",
            dest="json_file",
            metavar="FILE",
            help="write the results there as JSON; - for stdout, and the text to stderr",
        )
        add("--database", default=DEFAULT_DB_ALIAS, metavar="ALIAS", help="database to work on (default: default)")

    def handle(self, *args: Any, database: str, json_file: str | None, no_progress: bool, **given: Any) -> None:
        options = self._options(database, given)
        target = None if json_file in (None, "-") else self._json_target(str(json_file))
        text = self.stderr if json_file == "-" else self.stdout
        text.write(_heading(options))
        with self._stop_request() as stop, show_progress("Hashing", sys.stderr, hidden=no_progress) as bar:
            report = Backfill(options, should_stop=stop, progress=bar).run()
        text.write(report.as_text())
        self._write_json(report, target, to_stdout=json_file == "-")
        self._say_how_to_go_on(report, options)
        if stop():
            sys.exit(stop.exit_status)
        if report.failed or report.stopped:
            sys.exit(FAILURE)

    def _options(self, database: str, given: dict[str, Any]) -> BackfillOptions:
        if database not in connections:
            raise CommandError(f"There is no database {database!r} in the settings.", returncode=WRONG_USAGE)
        names = [field.name for field in fields(BackfillOptions) if field.name in given]
        keys = {name: self._key(given[name]) for name in ("start_pk", "end_pk")}
        try:
            return BackfillOptions(using=database, **{name: given[name] for name in names} | keys)
        # The parser has refused wrong numbers; call_command() passes its own around it.
        except (TypeError, ValueError) as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error

    def _key(self, text: object) -> Any:
        try:
            return ImageAsset._meta.pk.to_python(text)
        except ValidationError as error:
            raise CommandError(f"Not a key of an image asset: {text!r}", returncode=WRONG_USAGE) from error

    def _json_target(self, name: str) -> Path:
        path = Path(name)
        if path.is_dir() or not path.parent.is_dir():
            raise CommandError(f"Cannot write a file at {name}", returncode=WRONG_USAGE)
        return path

    def _stop_request(self) -> AbstractContextManager[StopRequest]:
        if threading.current_thread() is not threading.main_thread():
            return nullcontext(StopRequest())
        return graceful_stop(lambda: self.stderr.write("\nSaving what is done. Press Ctrl-C again to stop at once."))

    def _write_json(self, report: BackfillReport, target: Path | None, *, to_stdout: bool) -> None:
        text = json.dumps(report.as_dict(), indent=2)
        if to_stdout:
            self.stdout.write(text)
        if target:
            target.write_text(text + "\n", encoding="utf-8")

    def _say_how_to_go_on(self, report: BackfillReport, options: BackfillOptions) -> None:
        if not report.stopped:
            return
        start = f" with --start-pk {report.resume_pk}" if options.rehash and report.resume_pk is not None else ""
        done = "What is done is saved." if report.processed or report.failed else "Nothing was written."
        self.stderr.write(f"To go on, run the same command again{start}. {done}")


def _heading(options: BackfillOptions) -> str:
    limit = "all" if options.limit is None else options.limit
    return f"Backfilling perceptual hashes (batch-size={options.batch_size}, limit={limit})...\n\n"
