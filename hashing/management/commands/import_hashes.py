from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import Any, TextIO

from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.backfill.writer import DatabaseUnavailable
from hashing.exchange.foreign_rows import ColumnHashes, FileHashes
from hashing.exchange.formats import FileFormat, InvalidRecord, Record, format_of, read_records
from hashing.exchange.hash_import import HashImport
from hashing.exchange.matching import Check
from hashing.exchange.parsing import is_own_export
from hashing.management.base import FAILURE, STDOUT, WRONG_USAGE
from hashing.management.foreign_import import ForeignImport
from hashing.management.hash_import import import_report_text
from hashing.management.progress import show_progress
from hashing.models import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.registry import all_sources, find_sources
from hashing.sources.source import ImageSource
from hashing.text import printable

Rows = ImageAssetQuerySet[Any]
NAME_COLUMN = "image"


class Command(ForeignImport):
    help = gettext_lazy(  # type: ignore[assignment]
        "Read hashes that export_hashes has written into images that have none, or compare those of another program."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("file", nargs="?", metavar="FILE", help=_("CSV or JSON Lines; - for stdin"))
        add(
            "--format",
            choices=[each.value for each in FileFormat],
            help=_("format of the file (default: by its ending, .csv or .jsonl; csv for stdin)"),
        )
        add(
            "--check",
            choices=[each.value for each in Check],
            default=Check.SIZE.value,
            help=_("what of a file must agree besides its name: nothing, its size, or its bytes (default: size)"),
        )
        add("--dry-run", action="store_true", help=_("count, and write nothing"))
        self.add_common_arguments(parser)
        self._add_foreign_arguments(parser.add_argument_group(_("hashes of another program")))

    def _add_foreign_arguments(self, group: Any) -> None:
        add = group.add_argument
        add("--hash-column", metavar="NAME", help=_("column of the file with the hashes"))
        text = _("column of the file with the names of the images (default: %(name)s)")
        add("--name-column", metavar="NAME", default=NAME_COLUMN, help=text % {"name": NAME_COLUMN})
        text = _("in place of a file: a field of a model of the site, like blog.Photo.phash")
        add("--from", dest="column", metavar="app.Model.field", help=text)
        text = _("with --from: the source, like blog.Photo.original, if the model has several file fields")
        add("--source", metavar="app.Model.field", help=text)
        add("--output", metavar="FILE", help=_("write the images there whose file has changed; - for stdout"))

    def handle(self, *args: Any, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        self._check_combination(given)
        rows: Any = ImageAsset.objects.using(database).all()
        try:
            if given["column"]:
                hashes = self._column_hashes(given["column"], given["source"], rows)
                self._register(given, database)
                self.compare(hashes, rows, given)
            else:
                self._read_file(rows, database, given)
        except InvalidRecord as error:
            raise CommandError(str(error)) from error
        except UnicodeDecodeError as error:
            raise CommandError(_("The file is not in UTF-8.")) from error
        except (DatabaseError, InterfaceError, DatabaseUnavailable) as error:
            self.report_unavailable_database(error)

    def _check_combination(self, given: dict[str, Any]) -> None:
        if bool(given["file"]) == bool(given["column"]):
            raise CommandError(_("Name either a file or, with --from, a field."), returncode=WRONG_USAGE)
        problems = [
            (given["source"] and not given["column"], _("--source needs --from.")),
            (given["hash_column"] and not given["file"], _("--hash-column needs a file.")),
            (
                given["output"] and not (given["column"] or given["hash_column"]),
                _("--output needs --from or --hash-column."),
            ),
        ]
        for applies, text in problems:
            if applies:
                raise CommandError(text, returncode=WRONG_USAGE)

    def _read_file(self, rows: Rows, database: str, given: dict[str, Any]) -> None:
        name = given["file"]
        try:
            default = FileFormat.CSV if name == STDOUT else None
            file_format = FileFormat(given["format"]) if given["format"] else format_of(name, default)
        except ValueError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        if given["hash_column"]:
            if name == STDOUT:
                raise CommandError(_("--hash-column needs a file, which is read twice."), returncode=WRONG_USAGE)
            columns = (given["name_column"], given["hash_column"])
            self._check_columns(columns, self._records(name, file_format))
            self._register(given, database)
            self.compare(FileHashes(partial(self._records, name, file_format), columns, rows), rows, given)
            return
        self._import(name, file_format, rows, database, given)

    def _import(self, name: str, file_format: FileFormat, rows: Rows, database: str, given: dict[str, Any]) -> None:
        job = HashImport(rows, Check(given["check"]), dry_run=given["dry_run"])
        with self._opened(name) as file:
            records = self._own_records(read_records(file, file_format))
            self._register(given, database)
            with (
                self.stop_request(_("Saving what is done.")) as stop,
                show_progress(_("Reading"), self.progress_stream, hidden=given["no_progress"]) as progress,
            ):
                for count in job.run(records, file_format, stop):
                    progress.update(count)
        self.stdout.write(import_report_text(job.report, dry_run=given["dry_run"]))
        if stop():
            self.stderr.write(_("To continue, run the same command again. What is done is saved."))
            sys.exit(stop.exit_status)
        if job.report.invalid or job.report.unchecked:
            sys.exit(FAILURE)

    def _own_records(self, records: Iterator[Record]) -> Iterator[Record]:
        """Return the records of a file that `export_hashes` has written. Exit with wrong usage for another file."""
        first = list(islice(records, 1))
        if first and not is_own_export(first[0].values):
            text = _(
                "This is no file of export_hashes. To compare hashes of another program, name their column with"
                " --hash-column. The columns are: %(columns)s."
            )
            columns = ", ".join(map(printable, first[0].values))
            raise CommandError(text % {"columns": columns}, returncode=WRONG_USAGE)
        return chain(first, records)

    def _check_columns(self, columns: tuple[str, str], records: Iterator[Record]) -> None:
        for record in islice(records, 1):
            if missing := [name for name in columns if name not in record.values]:
                text = _("The file has no column %(missing)s. The columns are: %(columns)s.")
                names = {"missing": missing[0], "columns": ", ".join(map(printable, record.values))}
                raise CommandError(text % names, returncode=WRONG_USAGE)

    def _records(self, name: str, file_format: FileFormat) -> Iterator[Record]:
        with self._opened(name) as file:
            yield from read_records(file, file_format)

    @contextmanager
    def _opened(self, name: str) -> Iterator[TextIO]:
        if name == STDOUT:
            # As a file is read, whatever the locale: in UTF-8, and with the line breaks that names may have.
            file = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", newline="")
            try:
                yield file
            finally:
                file.detach()
            return
        try:
            # A spreadsheet may have put a byte order mark at the beginning.
            file = open(name, encoding="utf-8-sig", newline="")  # noqa: PTH123, SIM115 - closed below
        except OSError as error:
            text = _("Cannot read %(name)s: %(reason)s") % {"name": printable(name), "reason": error.strerror}
            raise CommandError(text, returncode=WRONG_USAGE) from error
        with file:
            yield file

    def _column_hashes(self, label: str, source_label: str | None, rows: Rows) -> ColumnHashes:
        model_label, _dot, field = label.rpartition(".")
        labels = self.chosen_sources([source_label or model_label])
        sources = [source for each in labels for source in find_sources(each)]
        if len(sources) > 1:
            text = _("%(model)s has several file fields. Name one with --source: %(sources)s.")
            raise CommandError(text % {"model": model_label, "sources": ", ".join(labels)}, returncode=WRONG_USAGE)
        self._check_field(sources[0], field)
        return ColumnHashes(sources[0], field, rows)

    def _check_field(self, source: ImageSource, field: str) -> None:
        try:
            source.model._meta.get_field(field)
        except FieldDoesNotExist as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error

    def _register(self, given: dict[str, Any], database: str) -> None:
        """Register new files of the sources, so that their rows are found."""
        if all_sources() and not given["dry_run"]:
            self.sync_sources((), database, hidden=given["no_progress"])
