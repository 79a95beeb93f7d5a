from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hashing.admin.links import admin_page
from hashing.admin.progress.figures import Failure, latest_failures, measure_throughput
from hashing.admin.progress.runs import RunList, RunTotals, interrupted_runs, running_runs
from hashing.db.queryset_state import is_narrowed
from hashing.models import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.observability.summary import Summary, summarize

TEMPLATE = "admin/hashing/progress/page.html"
# Longer estimates are not shown.
MAX_TIME_LEFT = timedelta(days=365)


@dataclass(frozen=True)
class BackfillStatus:
    """The state of the backfill at `moment`, on this machine and all others. `throughput` is in images per second."""

    moment: datetime
    summary: Summary
    throughput: float
    running: RunList
    interrupted: RunList
    failures: list[Failure]

    @classmethod
    def now(cls, visible: ImageAssetQuerySet[Any]) -> BackfillStatus:
        """Return the state of the `visible` rows. Runs are about all rows, and not shown if these are fewer."""
        has_runs = not is_narrowed(visible)
        return cls(
            moment=timezone.now(),
            summary=summarize(visible),
            throughput=measure_throughput(visible),
            running=running_runs() if has_runs else RunList([], has_more=False),
            interrupted=interrupted_runs() if has_runs else RunList([], has_more=False),
            failures=latest_failures(visible),
        )

    @property
    def run_totals(self) -> RunTotals | None:
        """The sums of the running runs, if they have more to do than the rows show.

        They hash rows that have hashes already, or rows of another model.
        """
        totals = RunTotals.of(self.running.runs)
        return totals if totals.left > self.summary.waiting else None

    @property
    def percent(self) -> int:
        return self.run_totals.percent if self.run_totals else self.summary.percent

    @property
    def rate(self) -> float:
        """Images per second: measured on the rows, or reported by the runs if all of them hash other models."""
        own = ImageAsset._meta.label
        if self.run_totals and all(run.model_label != own for run in self.running.runs):
            return self.run_totals.rate
        return self.throughput

    @property
    def time_left(self) -> timedelta | None:
        """The time left at this rate; None if nothing runs, nothing moves or nothing is left."""
        left = self.run_totals.left if self.run_totals else self.summary.waiting
        if not (self.running.runs and left and self.rate):
            return None
        seconds = left / self.rate
        return timedelta(seconds=seconds) if seconds < MAX_TIME_LEFT.total_seconds() else None


class ProgressView:
    """The page that shows how the backfill is going."""

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        view = self.model_admin.admin_site.admin_view(require_safe(self.progress))
        return [path("progress/", view, name="hashing_imageasset_progress")]

    def progress(self, request: HttpRequest) -> HttpResponse:
        if not self.model_admin.has_view_permission(request):
            raise PermissionDenied
        visible = cast("ImageAssetQuerySet[Any]", self.model_admin.get_queryset(request))
        context = {
            "status": BackfillStatus.now(visible),
            "may_change": self.model_admin.has_change_permission(request),
        }
        return admin_page(self.model_admin, request, TEMPLATE, _("Progress"), **context)
