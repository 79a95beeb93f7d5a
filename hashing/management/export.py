from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.exchange.formats import FileFormat, RecordWriter, Writes, format_of
from hashing.management.base import FAILURE, STDOUT, WRONG_USAGE, HashingCommand
from hashing.management.output import TargetFile
from hashing.management.progress import show_progress
from hashing.text import first_line

# Records between two checks whether to stop.
RECORDS_PER_CHECK = 500


class Output(NamedTuple):
    """Where records are written: to a file, or without a `target` to stdout."""

    name: str
    target: TargetFile | None
    file_format: FileFormat


class Stopped(Exception):
    """The export was interrupted, or its reader has gone."""


class CountedRecords:
    """Records that are counted and shown while they are written. Raises `Stopped` when `should_stop` returns true."""

    def __init__(
        self,
        records: Iterable[Mapping[str, Any]],
        show: Callable[[int], object],
        should_stop: Callable[[], bool],
    ) -> None:
        self._records, self._show, self._should_stop = records, show, should_stop
        self.count = 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for record in self._records:
            yield record
            self.count += 1
            if self.count % RECORDS_PER_CHECK == 0:
                self._show(self.count)
                if self._should_stop():
                    raise Stopped
        self._show(self.count)


class ExportCommand(HashingCommand):
    """A command that writes records as CSV or JSON Lines, to a file that is complete or not there, or to stdout."""

    def add_output_arguments(self, parser: CommandParser, help_text: str) -> None:
        parser.add_argument("--output", metavar="FILE", help=help_text)
        parser.add_argument(
            "--format",
            choices=[each.value for each in FileFormat],
            help=_("format of the file (default: by its ending, .csv or .jsonl; csv for stdout)"),
        )

    def chosen_output(self, name: str | None, file_format: str | None) -> Output:
        """Return where to write: to stdout without a name. Exit with wrong usage for a file that cannot be written."""
        name = name or STDOUT
        default = FileFormat.CSV if name == STDOUT else None
        try:
            chosen = FileFormat(file_format) if file_format else format_of(name, default)
        except ValueError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        return Output(name, self.target_file(name), chosen)

    def write_records(
        self,
        output: Output,
        columns: Sequence[str],
        records: Iterable[Mapping[str, Any]],
        *,
        total: int | None = None,
        hidden: bool,
    ) -> int:
        """Write all records and return their number. Exit if that fails or is interrupted; then there is no file."""
        with (
            self.stop_request(_("Ending soon.")) as stop,
            show_progress(_("Writing"), self.progress_stream, hidden=hidden) as progress,
        ):
            if total is not None:
                progress.begin(total)
            counted = CountedRecords(records, progress.update, lambda: stop() or self._has_lost_reader(output))
            is_written = self._write(output, columns, counted)
        if stop():
            if output.target:
                self.stderr.write(_("Stopped. No file was written."))
            sys.exit(stop.exit_status)
        # What is wrong with stdout is reported at the end of every command.
        if not is_written and not self.output.error:
            sys.exit(FAILURE)
        return counted.count

    def _write(self, output: Output, columns: Sequence[str], records: Iterable[Mapping[str, Any]]) -> bool:
        def write(file: Writes) -> None:
            writer = RecordWriter(file, output.file_format, columns)
            for record in records:
                writer.write(record)

        try:
            return self.write_results(output.name, output.target, write)
        except Stopped:
            return False
        except (DatabaseError, InterfaceError) as error:
            raise self.unreadable(error) from error

    def _has_lost_reader(self, output: Output) -> bool:
        return output.name == STDOUT and self.output.error is not None

    def count_rows(self, rows: QuerySet[Any]) -> int:
        """Return the number of rows. Exit if the database cannot be read."""
        try:
            return rows.count()
        except (DatabaseError, InterfaceError) as error:
            raise self.unreadable(error) from error

    def unreadable(self, error: Exception) -> CommandError:
        text = _("The database cannot be read: %(reason)s. Is it running, and migrated?")
        return CommandError(text % {"reason": first_line(error)})

    def report_written(self, output: Output, count: int) -> None:
        """Say how many lines were written, not among them; say nothing if stdout was closed before the end."""
        if self._has_lost_reader(output):
            return
        stream = self.stderr if output.name == STDOUT else self.stdout
        stream.write(ngettext("%(count)d line was written.", "%(count)d lines were written.", count) % {"count": count})
