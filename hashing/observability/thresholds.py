from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from django.utils.translation import gettext as _

from hashing.observability.figures import Figures
from hashing.text import spell_out


class Problem(NamedTuple):
    """A figure above its limit. `figure` is its name in `Figures.as_dict`, or "last_backfill_seconds"."""

    figure: str
    text: str


@dataclass(frozen=True)
class Thresholds:
    """The largest values that are in order, None for no limit. Ages are in seconds."""

    max_waiting: int | None = None
    max_age: float | None = None
    max_failed: int | None = None
    # Since the last backfill ended, or gave a sign of life.
    max_run_age: float | None = None

    def problems(self, figures: Figures) -> list[Problem]:
        summary, age = figures.summary, figures.last_backfill_seconds
        found = []
        if self.max_waiting is not None and summary.waiting > self.max_waiting:
            text = _("%(count)d images wait, above the limit of %(limit)d")
            found.append(Problem("waiting", text % {"count": summary.waiting, "limit": self.max_waiting}))
        if self.max_age is not None and figures.oldest_waiting_seconds > self.max_age:
            text = _("The oldest image has waited for %(age)s, longer than %(limit)s")
            values = {"age": in_words(figures.oldest_waiting_seconds), "limit": in_words(self.max_age)}
            found.append(Problem("oldest_waiting_seconds", text % values))
        if self.max_failed is not None and summary.failed > self.max_failed:
            text = _("%(count)d images have failed, above the limit of %(limit)d")
            found.append(Problem("failed", text % {"count": summary.failed, "limit": self.max_failed}))
        if self.max_run_age is not None and (age is None or age > self.max_run_age):
            text = _("No backfill for %(age)s, longer than %(limit)s") if age else _("No backfill is on record")
            values = {"age": in_words(age or 0), "limit": in_words(self.max_run_age)}
            found.append(Problem("last_backfill_seconds", text % values))
        return found


def in_words(seconds: float) -> str:
    # Django's units have no-break spaces, which not every terminal and monitoring system shows.
    return spell_out(timedelta(seconds=seconds), depth=2).replace("\N{NO-BREAK SPACE}", " ")
