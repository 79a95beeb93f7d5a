"""Runs of the backfill that somebody wants to hear of: those under way, and those that came to no good end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q

from hashing.db.now import Now
from hashing.models import BackfillRun

LATELY = timedelta(hours=1)
MOST_UNDER_WAY, MOST_IN_TROUBLE = 50, 10


@dataclass(frozen=True)
class ShownRuns:
    """The first runs of a list. `has_more`: there are others. `taken_up`: keys of those that later runs
    went on with."""

    runs: list[BackfillRun]
    has_more: bool
    taken_up: frozenset[int] = frozenset()


def runs_under_way() -> ShownRuns:
    """By machine: each keeps its place when it goes on to another range."""
    found = list(BackfillRun.objects.alive().order_by("worker", "pk")[: MOST_UNDER_WAY + 1])
    return ShownRuns(found[:MOST_UNDER_WAY], len(found) > MOST_UNDER_WAY)


def runs_in_trouble() -> ShownRuns:
    """Of the last hour, the latest first: those not heard of any more, and those that ended early."""
    ended_early = Q(ended_at__isnull=False) & ~Q(stopped="")
    runs = BackfillRun.objects.lost() | BackfillRun.objects.filter(ended_early)
    lately = runs.filter(seen_at__gte=Now() - LATELY).order_by("-seen_at", "-pk")
    found = list(lately[: MOST_IN_TROUBLE + 1])
    return ShownRuns(found[:MOST_IN_TROUBLE], len(found) > MOST_IN_TROUBLE, _taken_up(found))


def _taken_up(runs: Sequence[BackfillRun]) -> frozenset[int]:
    """Those of a dispatched range for which a later run was begun."""
    dispatched = [run for run in runs if run.dispatch]
    first = min((run.pk for run in dispatched), default=0)
    names = {run.dispatch for run in dispatched}
    numbers = {run.range_number for run in dispatched}
    # Of many more than these: one look at the records is cheaper than one for each range.
    others = BackfillRun.objects.filter(dispatch__in=names, range_number__in=numbers, pk__gt=first)
    found = others.order_by("pk").values_list("dispatch", "range_number", "pk")
    latest = {(name, number): pk for name, number, pk in found}
    return frozenset(run.pk for run in dispatched if latest.get((run.dispatch, run.range_number), 0) > run.pk)
