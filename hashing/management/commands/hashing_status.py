from __future__ import annotations

import json
import math
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn

from django.core.management.base import CommandParser, OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashing.management.base import FAILURE, STDOUT, HashingCommand, at_least
from hashing.observability.figures import Figures, LastRun, collect_figures
from hashing.observability.thresholds import Problem, Thresholds, in_words
from hashing.text import first_line, printable

UNKNOWN = 3
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

KINDS = {
    "backfill": gettext_lazy("Last backfill"),
    "find_duplicates": gettext_lazy("Last search for duplicates"),
    "deletion": gettext_lazy("Last deletion in the background"),
}
STATUSES = {
    "queued": gettext_lazy("waits for a worker of the queue"),
    "running": gettext_lazy("running"),
    "completed": gettext_lazy("completed"),
    "stopped": gettext_lazy("stopped early"),
    "lost": gettext_lazy("lost: its process was killed, or cannot reach the database"),
}


class Command(HashingCommand):
    help = gettext_lazy("Show how many images wait and fail, and what runs. The exit status is for monitoring.")  # type: ignore[assignment]

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_source_argument(parser)
        limits = {
            "--max-waiting": (at_least(0), "N", _("status 1 if more images wait to be hashed")),
            "--max-age": (age, "AGE", _("status 1 if an image has waited longer, such as 90s, 30m, 2h or 1d")),
            "--max-failed": (at_least(0), "N", _("status 1 if more images have failed")),
            "--max-run-age": (age, "AGE", _("status 1 if the last backfill ended longer ago, or there was none")),
        }
        for name, (kind, metavar, text) in limits.items():
            parser.add_argument(name, type=kind, metavar=metavar, help=text)
        parser.add_argument("--json", metavar="FILE", help=_("write the figures as JSON as well, - for stdout"))
        text = _("database to look at (default: the one that image assets are written to)")
        parser.add_argument("--database", metavar="ALIAS", help=text)

    def execute(self, *args: Any, **options: Any) -> str | None:
        self.has_json_on_stdout = options.get("json") == STDOUT
        return super().execute(*args, **options)

    def report_unavailable_database(self, error: Exception) -> NoReturn:
        # Not an error of the command: monitoring shows what is on stdout.
        text = _("UNKNOWN: the database cannot be read: %(reason)s. Is it migrated?")
        self.text_stream.write(text % {"reason": first_line(error)})
        sys.exit(UNKNOWN)

    @property
    def text_stream(self) -> OutputWrapper:
        return self.stderr if self.has_json_on_stdout else self.stdout

    def handle(self, *args: Any, **given: Any) -> None:
        database = self.chosen_database(given["database"])
        labels = self.chosen_sources(given["sources"])
        target = self.target_file(given["json"])
        try:
            figures = collect_figures(database, labels)
        except (DatabaseError, InterfaceError) as error:
            self.report_unavailable_database(error)
        problems = self.make_options(Thresholds, given).problems(figures)
        self.text_stream.write("\n".join(describe(figures, problems)))
        record = {"status": "problem" if problems else "ok", "problems": [each.figure for each in problems]}
        document = json.dumps({**record, **figures.as_dict()}, cls=DjangoJSONEncoder, indent=2)
        written = self.write_results(given["json"], target, lambda file: file.write(document + "\n"))
        if problems or not written:
            sys.exit(FAILURE)


def describe(figures: Figures, problems: Sequence[Problem]) -> Iterator[str]:
    """Yield the lines of the text. The first one, which monitoring shows, is the verdict."""
    summary = figures.summary
    counts = _("%(waiting)d waiting, %(failed)d failed, %(hashed)d hashed") % {
        "waiting": summary.waiting,
        "failed": summary.failed,
        "hashed": summary.hashed,
    }
    verdict = "; ".join(problem.text for problem in problems) or counts
    yield _("PROBLEM: %(text)s") % {"text": verdict} if problems else _("OK: %(text)s") % {"text": verdict}
    if problems:
        yield counts
    total = _("Images: about %(count)d") if summary.is_estimate else _("Images: %(count)d")
    yield total % {"count": summary.total}
    if figures.oldest_waiting_at:
        yield _("Oldest waiting: %(age)s") % {"age": in_words(figures.oldest_waiting_seconds)}
    groups = figures.groups_to_review
    yield ngettext("%(count)d group to review", "%(count)d groups to review", groups) % {"count": groups}
    for run in figures.last_runs:
        yield describe_run(run, figures.moment)
    if figures.running_backfills:
        values = {"count": figures.running_backfills, "age": in_words(figures.heartbeat_seconds)}
        text = ngettext(
            "%(count)d backfill in progress, last heartbeat %(age)s ago",
            "%(count)d backfills in progress, oldest heartbeat %(age)s ago",
            figures.running_backfills,
        )
        yield text % values


def describe_run(run: LastRun, now: datetime) -> str:
    parts = [str(STATUSES[run.status])]
    moment = run.ended_at or run.started_at
    if moment:
        text = _("ended %(age)s ago") if run.ended_at else _("began %(age)s ago")
        parts.append(text % {"age": in_words((now - moment).total_seconds())})
    if run.done is not None:
        parts.append(_("%(count)d done") % {"count": run.done})
    if run.failed is not None:
        parts.append(_("%(count)d failed") % {"count": run.failed})
    if run.images_per_second:
        parts.append(_("%(rate).1f images/s") % {"rate": run.images_per_second})
    if run.reason:
        parts.append(printable(run.reason))
    return f"{KINDS[run.kind]}: {', '.join(parts)}"


def age(text: str) -> float:
    """An argument type: seconds, or a number with one of the units s, m, h and d."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip(), re.ASCII)
    seconds = float(found[1]) * SECONDS[found[2]] if found else math.inf
    if not math.isfinite(seconds):
        raise ArgumentTypeError(_("%(text)r is not an age such as 90s, 30m, 2h or 1d") % {"text": text})
    return seconds
