"""A page for those who watch a backfill, on one machine or on many: what is done, how fast, by whom, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hashing.admin.links import admin_page
from hashing.admin.progress.figures import (
    Failure,
    ShownRuns,
    Summary,
    images_a_second,
    latest_failures,
    runs_in_trouble,
    runs_under_way,
    summarize,
)
from hashing.models import BackfillRun, ImageAsset
from hashing.models.querysets import ImageAssetQuerySet

TEMPLATE = "admin/hashing/progress/page.html"
# A guess beyond this says nothing.
LONGEST_GUESS = timedelta(days=365)


@dataclass(frozen=True)
class RunFigures:
    """What some runs have done of what they found to do."""

    total: int
    done: int
    failed: int
    rate: float

    @classmethod
    def of(cls, runs: Sequence[BackfillRun]) -> RunFigures:
        return cls(
            total=sum(run.total for run in runs),
            done=sum(run.done for run in runs),
            failed=sum(run.failed for run in runs),
            rate=sum(run.rate for run in runs),
        )

    @property
    def left(self) -> int:
        return max(0, self.total - self.done)

    @property
    def percent(self) -> int:
        """Done of all, rounded down: 100 means all."""
        return 100 * self.done // self.total if self.total else 100


@dataclass(frozen=True)
class BackfillStatus:
    """How it stands at `moment`. `pace` is in images a second."""

    moment: datetime
    summary: Summary
    pace: float
    under_way: ShownRuns
    in_trouble: ShownRuns
    failures: list[Failure]

    @classmethod
    def now(cls, visible: ImageAssetQuerySet[Any]) -> BackfillStatus:
        """`visible` are the rows that may be named; the figures are of all."""
        rows = ImageAsset.objects.all()
        return cls(
            moment=timezone.now(),
            summary=summarize(rows),
            pace=images_a_second(rows),
            under_way=runs_under_way(),
            in_trouble=runs_in_trouble(),
            failures=latest_failures(visible),
        )

    @property
    def by_runs(self) -> RunFigures | None:
        """The figures of the runs under way, where the table does not show what they do.

        They hash rows that have hashes already, or rows of another model.
        """
        figures = RunFigures.of(self.under_way.runs)
        return figures if figures.left > self.summary.waiting else None

    @property
    def percent(self) -> int:
        return self.by_runs.percent if self.by_runs else self.summary.percent

    @property
    def rate(self) -> float:
        """Images a second: told by the times of the rows, and by the runs where all are about other models."""
        own = ImageAsset._meta.label
        if self.by_runs and all(run.model_label != own for run in self.under_way.runs):
            return self.by_runs.rate
        return self.pace

    @property
    def time_left(self) -> timedelta | None:
        """Until nothing is left, if it goes on like this. None when nobody can tell."""
        left = self.by_runs.left if self.by_runs else self.summary.waiting
        if not (self.under_way.runs and left and self.rate):
            return None
        seconds = left / self.rate
        return timedelta(seconds=seconds) if seconds < LONGEST_GUESS.total_seconds() else None


class ProgressPage(admin.ModelAdmin):  # type: ignore[type-arg]
    @method_decorator(require_safe)
    def progress_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        may_change = self.has_change_permission(request)
        return admin_page(
            self,
            request,
            TEMPLATE,
            _("Progress"),
            progress=BackfillStatus.now(cast("ImageAssetQuerySet[Any]", self.get_queryset(request))),
            may_change=may_change,
        )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.progress_view)
        return [path("progress/", view, name="hashing_imageasset_progress"), *super().get_urls()]
