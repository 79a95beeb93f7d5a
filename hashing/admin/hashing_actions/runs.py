from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.admin.hashing_actions.selection import Rows, without_distinct
from hashing.admin.links import linked_names
from hashing.backfill import Backfill, BackfillOptions, BackfillReport
from hashing.backfill.options import available_cores
from hashing.conf import hashing_settings
from hashing.models import ImageAsset


@dataclass(frozen=True)
class HashingPlan:
    """The rows that a user wants to have hashed. `todo` is their number, counted up to one more than `limit`."""

    rows: Rows
    rehash: bool
    limit: int
    todo: int

    @classmethod
    def of(cls, rows: Rows, *, rehash: bool) -> HashingPlan:
        limit = hashing_settings().ACTION_LIMIT
        rows = without_distinct(rows)
        todo = rows if rehash else rows.unhashed()
        return cls(rows, rehash, limit, todo.order_by()[: limit + 1].count())

    @property
    def exceeds_limit(self) -> bool:
        return self.todo > self.limit

    def count_hashed(self) -> int:
        """Return how many rows have a hash and are left out. `todo` must have been counted to its end."""
        return self.rows.order_by().count() - self.todo

    @property
    def is_for_queue(self) -> bool:
        return self.exceeds_limit and has_task_queue()


def has_task_queue() -> bool:
    """Return whether tasks run in another process than the one that enqueues them."""
    try:
        from hashing.admin.hashing_actions.tasks import hash_selection
        from hashing.tasks import has_queue
    # Of `django_tasks`, which Django before 6.0 may lack.
    except ImportError:
        return False
    return has_queue(hash_selection)


def hash_planned(plan: HashingPlan) -> BackfillReport:
    """Hash the rows of a plan up to its limit."""
    workers = min(available_cores(), max(1, plan.rows.order_by()[: plan.limit].count()))
    options = BackfillOptions(rehash=plan.rehash, limit=plan.limit, workers=workers)
    return Backfill(options, plan.rows).run()


def hash_one(rows: Rows) -> BackfillReport:
    """Hash the only row of `rows` again, within the limits of a page."""
    options = BackfillOptions(rehash=True, limit=1, workers=1)
    return Backfill(options, without_distinct(rows), for_page=True).run()


def log_run(user_pk: Any, title: str, report: BackfillReport | None = None, asset: ImageAsset | None = None) -> None:
    """Add a run to the history of the admin: of one `asset`, or of many. `report` is None for a run in the queue."""
    LogEntry.objects.create(
        user_id=user_pk,
        content_type=ContentType.objects.get_for_model(ImageAsset, for_concrete_model=False),
        object_id=None if asset is None else str(asset.pk),
        object_repr=str(title if asset is None else asset)[:200],
        action_flag=CHANGE,
        change_message=f"{title}: {describe(report)}",
    )


def describe(report: BackfillReport | None) -> str:
    if report is None:
        return _("in the background")
    if report.deferred:
        return _("left to the backfill: %(reason)s") % {"reason": report.deferred}
    counts = _("%(hashed)d hashed, %(failed)d failed") % {"hashed": report.processed, "failed": report.failed}
    return f"{counts}. {report.stopped}" if report.stopped else counts


def describe_limit(reason: str) -> str:
    text = _("The image is too large to be hashed while you wait: the next backfill hashes it. (%(reason)s)")
    return text % {"reason": reason}


def add_report_messages(
    request: HttpRequest, site: AdminSite, report: BackfillReport, todo: int | None, already_hashed: int = 0
) -> None:
    """Tell the user how many images were hashed, which failed, and why others were left as they were.

    `todo` images were to be hashed; None if there may have been more.
    """
    if report.processed:
        text = ngettext("%(count)d image was hashed.", "%(count)d images were hashed.", report.processed)
        messages.success(request, text % {"count": report.processed})
    if report.failed:
        text = ngettext("%(count)d image could not be hashed:", "%(count)d images could not be hashed:", report.failed)
        failures = ImageAsset.objects.filter(pk__in=report.failed_keys).order_by("pk")
        names = linked_names(failures, site, more=report.failed > len(report.failed_keys))
        messages.warning(request, format_html("{} {}", text % {"count": report.failed}, names))
    if report.deferred:
        messages.warning(request, describe_limit(report.deferred))
        return
    add_left_message(request, already_hashed, _("already hashed"))
    reason = _("not reached before the run ended") if report.stopped else _("deleted or replaced in the meantime")
    add_left_message(request, (todo or 0) - report.processed - report.failed, reason)
    if report.stopped:
        messages.error(request, _("The run ended early. %(reason)s") % {"reason": report.stopped})


def add_left_message(request: HttpRequest, count: int, reason: str) -> None:
    if count > 0:
        text = ngettext(
            "%(count)d image was left as it was: %(reason)s.",
            "%(count)d images were left as they were: %(reason)s.",
            count,
        )
        messages.info(request, text % {"count": count, "reason": reason})
