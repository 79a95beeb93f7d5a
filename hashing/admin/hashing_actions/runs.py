from __future__ import annotations

import logging
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

from hashing.admin.hashing_actions.selection import QueuedSelection, Selection, once_each
from hashing.admin.links import admin_url, linked_names
from hashing.backfill import Backfill, BackfillOptions, BackfillReport
from hashing.backfill.options import available_cores
from hashing.conf import hashing_settings
from hashing.models import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.text import printable


def record_run(user_pk: Any, title: str, report: BackfillReport | None = None, asset: ImageAsset | None = None) -> None:
    """`report` is None for a run that was handed to the queue; `asset` is given when it was about this row alone."""
    LogEntry.objects.create(
        user_id=user_pk,
        content_type=ContentType.objects.get_for_model(ImageAsset, for_concrete_model=False),
        object_id=None if asset is None else str(asset.pk),
        object_repr=str(title if asset is None else asset)[:200],
        action_flag=CHANGE,
        change_message=f"{title}: {_outcome(report)}",
    )


def _outcome(report: BackfillReport | None) -> str:
    if report is None:
        return _("in the background")
    counts = _("%(hashed)d hashed, %(failed)d failed") % {"hashed": report.processed, "failed": report.failed}
    return f"{counts}. {report.stopped}" if report.stopped else counts


logger = logging.getLogger(__name__)

Rows = ImageAssetQuerySet[Any]


@dataclass(frozen=True)
class Plan:
    """What a run over `rows` would do. `todo` is counted up to one more than `limit`."""

    rows: Rows
    rehash: bool
    limit: int
    todo: int

    @classmethod
    def of(cls, rows: Rows, *, rehash: bool) -> Plan:
        limit = hashing_settings().ACTION_LIMIT
        rows = once_each(rows)
        todo = rows if rehash else rows.unhashed()
        return cls(rows, rehash, limit, todo.order_by()[: limit + 1].count())

    @property
    def is_long(self) -> bool:
        return self.todo > self.limit

    @property
    def is_for_queue(self) -> bool:
        return self.is_long and has_task_queue()


def has_task_queue() -> bool:
    """Whether the site has somebody else to run a task."""
    try:
        from hashing.admin.hashing_actions.tasks import hash_selection
        from hashing.tasks import has_queue
    except ImportError:
        return False
    return has_queue(hash_selection)


def run_or_enqueue(request: HttpRequest, site: AdminSite, title: str, plan: Plan, selection: Selection) -> None:
    """Carry the plan out, and tell the user and the history. `selection` finds the rows of the plan again."""
    if plan.is_for_queue:
        _enqueue(request, site, title, plan, selection)
        return
    matched = None if plan.is_long else plan.rows.order_by().count()
    report = hash_rows(plan.rows, rehash=plan.rehash, limit=plan.limit)
    record_run(request.user.pk, title, report)
    tell(request, site, report, matched)
    if plan.is_long:
        text = _("There are more than %(limit)d pictures to hash. The rest is left to the command backfill_hashes.")
        messages.warning(request, text % {"limit": plan.limit})


def hash_rows(rows: Rows, *, rehash: bool, limit: int | None = None) -> BackfillReport:
    workers = available_cores() if limit is None else min(available_cores(), max(1, rows.order_by()[:limit].count()))
    options = BackfillOptions(rehash=rehash, limit=limit, workers=workers)
    return Backfill(options, rows).run()


def hash_one(rows: Rows, hash_error: str) -> BackfillReport:
    """Hash the one row of `rows` whatever is known of it, in this process unless `hash_error` says what that may cost.

    Worker processes take as long to start as fifty images to hash, but survive what killed or blocked one of them.
    """
    is_dangerous = hash_error.startswith(("ProcessExpired", "TimeoutError"))
    options = BackfillOptions(rehash=True, limit=1, workers=1)
    return Backfill(options, once_each(rows), in_process=not is_dangerous).run()


def tell(request: HttpRequest, site: AdminSite, report: BackfillReport, matched: int | None = None) -> None:
    """Messages that count what was hashed, what failed, and of `matched` rows what was left."""
    if report.processed:
        text = ngettext("%(count)d picture was hashed.", "%(count)d pictures were hashed.", report.processed)
        messages.success(request, text % {"count": report.processed})
    if report.failed:
        _tell_failures(request, site, report)
    left = (matched or 0) - report.processed - report.failed
    if left > 0:
        text = ngettext("%(count)d picture was left as it was.", "%(count)d pictures were left as they were.", left)
        messages.info(request, text % {"count": left})
    if report.stopped:
        messages.error(request, _("The run ended early. %(reason)s") % {"reason": report.stopped})


def _tell_failures(request: HttpRequest, site: AdminSite, report: BackfillReport) -> None:
    text = ngettext("%(count)d picture could not be hashed:", "%(count)d pictures could not be hashed:", report.failed)
    failures = ImageAsset.objects.filter(pk__in=report.failed_keys).order_by("pk")
    links = linked_names(failures, site, more=report.failed > len(report.failed_keys))
    messages.warning(request, format_html("{} {}", text % {"count": report.failed}, links))


def _enqueue(request: HttpRequest, site: AdminSite, title: str, plan: Plan, selection: Selection) -> None:
    from hashing.admin.hashing_actions.tasks import hash_selection

    arguments = QueuedSelection.of(request.user, site, selection, rehash=plan.rehash).as_arguments()
    try:
        hash_selection.enqueue(arguments)
    # Whatever the client library of the queue raises.
    except Exception as error:
        logger.error("The queue takes no task: %s", printable(str(error)))
        messages.error(request, _("The queue cannot be reached, so nothing was started. Please try again later."))
        return
    record_run(request.user.pk, title)
    text = _("These are more than %(limit)d pictures. They are being hashed in the background.")
    address = admin_url(site, "imageasset_progress")
    link = format_html('<a href="{}">{}</a>', address, _("See how far they are."))
    messages.info(request, format_html("{} {}", text % {"limit": plan.limit}, link))
