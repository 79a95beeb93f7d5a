"""Runs of the backfill that somebody wants to hear of: those under way, and those that came to no good end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from hashing.models import BackfillRun

LATELY = timedelta(hours=1)
MOST_UNDER_WAY, MOST_IN_TROUBLE = 50, 10


@dataclass(frozen=True)
class ShownRuns:
    """The first runs of a list. `has_more`: there are others."""

    runs: list[BackfillRun]
    has_more: bool

    @classmethod
    def of(cls, runs: QuerySet[BackfillRun], most: int) -> ShownRuns:
        found = list(runs[: most + 1])
        return cls(found[:most], has_more=len(found) > most)


def runs_under_way() -> ShownRuns:
    """By machine: each keeps its place when it goes on to another range."""
    return ShownRuns.of(BackfillRun.objects.alive().order_by("worker", "pk"), MOST_UNDER_WAY)


def runs_in_trouble() -> ShownRuns:
    """Of the last hour, the latest first: those not heard of any more, and those that ended early.

    They have `is_taken_up` when a later run was begun for the same range.
    """
    ended_early = Q(ended_at__isnull=False) & ~Q(stopped="")
    runs = BackfillRun.objects.lost() | BackfillRun.objects.filter(ended_early)
    lately = runs.filter(seen_at__gte=Now() - LATELY).order_by("-seen_at", "-pk")
    return ShownRuns.of(lately.annotate(is_taken_up=_later_run_of_the_range()), MOST_IN_TROUBLE)


def _later_run_of_the_range() -> Exists:
    same_range = BackfillRun.objects.filter(dispatch=OuterRef("dispatch"), range_number=OuterRef("range_number"))
    return Exists(same_range.exclude(dispatch="").filter(pk__gt=OuterRef("pk")))
