from __future__ import annotations

import gc
import math
import sys
import threading
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from typing import Any, NoReturn, TextIO, TypeVar, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, connections, router
from django.utils.translation import gettext as _

from hashing.indexing.registration import SyncCounts
from hashing.indexing.sync import sync_sources
from hashing.management.graceful_stop import EXIT_STATUS_BASE, StopRequest, graceful_stop
from hashing.management.output import ResilientStream, TargetFile
from hashing.management.progress import show_progress
from hashing.models import ImageAsset
from hashing.sources.registry import UnknownSource, find_sources
from hashing.text import first_line

FAILURE, WRONG_USAGE = 1, 2
# What a shell reports for a program that SIGPIPE has ended; Windows has no such signal.
CLOSED_PIPE = EXIT_STATUS_BASE + 13
STDOUT = "-"

T = TypeVar("T")


class HashingCommand(BaseCommand):
    """A command that finishes its work when its output is lost, and reports the loss by its exit status.

    That is 141 for a pipe that its reader has closed, as for other programs, and 1 for other reasons.
    """

    def __init__(self, stdout: Any = None, stderr: Any = None, **options: Any) -> None:
        self.output = ResilientStream(stdout or sys.stdout)
        self.error_output = ResilientStream(stderr or sys.stderr)
        super().__init__(cast("TextIO", self.output), cast("TextIO", self.error_output), **options)

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        # argparse takes no lazy translation.
        self.help = str(self.help)
        return super().create_parser(prog_name, subcommand, **options)

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            super().run_from_argv(argv)
        finally:
            self.output.abandon()
            self.error_output.abandon()
            # The process ends; collecting garbage among all of its objects first would only take time.
            gc.freeze()

    def execute(self, *args: Any, **options: Any) -> str | None:
        if options.get("stdout"):
            self.output = options["stdout"] = ResilientStream(options["stdout"])
        if options.get("stderr"):
            self.error_output = options["stderr"] = ResilientStream(options["stderr"])
        try:
            result = super().execute(*args, **options)
        except SystemExit as end:
            # The status of the work takes precedence over that of the output.
            self._flush(end.code)
            raise
        self._flush()
        return result

    def check(self, *args: Any, **options: Any) -> None:
        """Run the checks of Django, some of which connect to the database: a JSONField asks SQLite what it can do."""
        try:
            super().check(*args, **options)
        except (DatabaseError, InterfaceError) as error:
            self.report_unavailable_database(error)

    def report_unavailable_database(self, error: Exception) -> NoReturn:
        text = _("The database cannot be used: %(reason)s. Is it running, and migrated?")
        raise CommandError(text % {"reason": first_line(error)}) from error

    def _flush(self, status: object = 0) -> None:
        """Write what is buffered. Raise `SystemExit` if output was lost and `status` is 0."""
        self.output.flush()
        error = self.output.error
        if error is None:
            return
        if not self.output.is_closed_pipe:
            reason = getattr(error, "strerror", error)
            self.stderr.write(_("Not all results could be written to stdout: %(reason)s") % {"reason": reason})
        if not status:
            sys.exit(CLOSED_PIPE if self.output.is_closed_pipe else FAILURE)

    @property
    def progress_stream(self) -> TextIO:
        return cast("TextIO", self.error_output)

    def add_common_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-progress", action="store_true", help=_("no bar and no progress lines"))
        text = _("database to work on (default: the one that image assets are written to)")
        parser.add_argument("--database", metavar="ALIAS", help=text)

    def add_source_argument(self, parser: CommandParser) -> None:
        text = _("only images of this source, like blog.Photo or blog.Photo.original (default: all images)")
        parser.add_argument("sources", nargs="*", metavar="app.Model", help=text)

    def chosen_sources(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Return the full labels of the sources. Exit with wrong usage for a label that the site does not have."""
        try:
            return tuple(dict.fromkeys(source.label for label in labels for source in find_sources(label)))
        except UnknownSource as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error

    def chosen_database(self, alias: str | None) -> str:
        """Return the alias, or the router's choice if there is none."""
        if alias is not None and alias not in connections:
            text = _("There is no database %(alias)r in the settings.") % {"alias": alias}
            raise CommandError(text, returncode=WRONG_USAGE)
        return alias or router.db_for_write(ImageAsset)

    def make_options(self, kind: type[T], values: Mapping[str, Any]) -> T:
        """Build a dataclass from those `values` that are its fields. Exit with wrong usage if it refuses them."""
        names = {field.name for field in fields(cast("Any", kind))}
        try:
            return kind(**{name: value for name, value in values.items() if name in names})
        # The parser has refused wrong numbers; call_command() can bypass it.
        except (TypeError, ValueError) as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error

    def sync_sources(
        self, labels: Sequence[str], using: str | None, *, hidden: bool, dry_run: bool = False
    ) -> SyncCounts:
        """Synchronize sources and show the progress. Ctrl-C ends the command after the current page is written."""
        done = 0
        with (
            self.stop_request(_("Ending soon.")) as stop,
            show_progress(_("Registering"), self.progress_stream, hidden=hidden) as progress,
        ):

            def show(count: int) -> None:
                nonlocal done
                done += count
                progress.update(done)

            try:
                found = sync_sources(labels, using=using, dry_run=dry_run, notify=show, should_stop=stop)
            except (DatabaseError, InterfaceError) as error:
                message = _("The sources cannot be read: %(reason)s. Are they migrated?")
                raise CommandError(message % {"reason": first_line(error)}) from error
        total = SyncCounts()
        for counts in found.values():
            total.add(counts)
        if stop():
            self.stderr.write(_("To continue, run the same command again. What is done is saved."))
            sys.exit(stop.exit_status)
        return total

    def target_file(self, name: str | None) -> TargetFile | None:
        """Return the file for results; None without a name and for stdout. Called before the work, to fail early."""
        if name in (None, STDOUT):
            return None
        try:
            return TargetFile(str(name))
        except (OSError, ValueError) as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error

    def write_results(self, name: str | None, target: TargetFile | None, write: Callable[[Any], None]) -> bool:
        """Call `write` with stdout or the open file, if one was chosen. Return False if writing failed."""
        if name == STDOUT:
            with self.output.in_utf8():
                write(self.stdout)
        if target is None:
            return True
        try:
            target.write(write)
        except OSError as error:
            text = _("Cannot write %(name)s: %(reason)s")
            self.stderr.write(text % {"name": target.name, "reason": error.strerror})
            return False
        return True

    def stop_request(self, announcement: str) -> AbstractContextManager[StopRequest]:
        """Let signals set the request. Outside the main thread, where no signals arrive, nothing sets it."""
        if threading.current_thread() is not threading.main_thread():
            return nullcontext(StopRequest())
        again = _("Press Ctrl-C again to stop at once.")
        return graceful_stop(lambda: self.stderr.write(f"\n{announcement} {again}"))


def at_least(minimum: int) -> Callable[[str], int]:
    """Return an argument type: an integer from `minimum` up."""

    def integer(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ArgumentTypeError(_("%(text)r is not a whole number") % {"text": text}) from None
        if number < minimum:
            raise ArgumentTypeError(_("%(number)d is less than %(minimum)d") % {"number": number, "minimum": minimum})
        return number

    return integer


def seconds(text: str) -> float:
    """An argument type: a duration above zero."""
    try:
        number = float(text)
    except ValueError:
        raise ArgumentTypeError(_("%(text)r is not a number of seconds") % {"text": text}) from None
    if not 0 < number < math.inf:
        raise ArgumentTypeError(_("%(text)r is not a number of seconds above 0") % {"text": text})
    return number
