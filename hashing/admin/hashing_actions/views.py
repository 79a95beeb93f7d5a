from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.translation import gettext as _

from hashing.admin.hashing_actions.runs import HashingPlan, add_report_messages, hash_one, hash_planned, log_run
from hashing.admin.hashing_actions.selection import Selection
from hashing.admin.links import admin_page, admin_url
from hashing.admin.previews import SMALL, preview_html
from hashing.admin.visibility import ImageAccess
from hashing.log_events import LogEvent, error_kind, log_event
from hashing.text import printable

logger = logging.getLogger(__name__)

TEMPLATE = "admin/hashing/hashing_actions/confirm.html"


class HashingViews:
    """Hashing on request: of the selected images of a ModelAdmin, of all that wait, and of one again.

    Long runs go to the task queue if there is one.
    """

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin
        self.site = model_admin.admin_site

    def hash_selected(self, request: HttpRequest, title: str, rows: Any, *, rehash: bool) -> None:
        """Run as an action of the list. Rows with a hash are skipped unless `rehash`."""
        rows = ImageAccess(request, self.site).limit_to_permitted("change", rows)
        self._run(request, title, HashingPlan.of(rows, rehash=rehash), Selection.of_action(request))

    def hash_waiting(self, request: HttpRequest, query: str) -> HttpResponse:
        """Show and run the hashing of all images that wait. `query` is the query string for them in the list."""
        if not self.model_admin.has_change_permission(request):
            raise PermissionDenied
        title = _("Hash all waiting")
        rows: Any = self.model_admin.get_queryset(request)
        waiting = ImageAccess(request, self.site).limit_to_permitted("change", rows.never_tried())
        plan = HashingPlan.of(waiting, rehash=False)
        if request.method == "POST":
            self._run(request, title, plan, Selection(query))
            return redirect(admin_url(self.site, "imageasset_changelist"))
        return self._confirm(request, title, plan=plan)

    def recompute(self, request: HttpRequest, pk: int) -> HttpResponse:
        rows: Any = self.model_admin.get_queryset(request).filter(pk=pk)
        asset = rows.first()
        if not self.model_admin.has_change_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        title = _("Recompute hash")
        if request.method == "POST":
            report = hash_one(rows)
            log_run(request.user.pk, title, report, asset)
            add_report_messages(request, self.site, report, todo=1)
            return redirect(admin_url(self.site, "imageasset_change", pk))
        return self._confirm(request, title, asset=asset, preview=preview_html(asset, SMALL, self.site))

    def _confirm(self, request: HttpRequest, title: str, **context: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        return admin_page(self.model_admin, request, TEMPLATE, title, **context)

    def _run(self, request: HttpRequest, title: str, plan: HashingPlan, selection: Selection) -> None:
        """Hash the rows of the plan or enqueue `selection`, which a task uses to find the same rows again."""
        if plan.is_for_queue:
            self._enqueue(request, title, plan, selection)
            return
        todo, already_hashed = (None, 0) if plan.exceeds_limit else (plan.todo, plan.count_hashed())
        report = hash_planned(plan)
        log_run(request.user.pk, title, report)
        add_report_messages(request, self.site, report, todo, already_hashed)
        if plan.exceeds_limit:
            text = _("There are more than %(limit)d images to hash. Run the command backfill_hashes for the rest.")
            messages.warning(request, text % {"limit": plan.limit})

    def _enqueue(self, request: HttpRequest, title: str, plan: HashingPlan, selection: Selection) -> None:
        from hashing.admin.hashing_actions.tasks import QueuedSelection, hash_selection

        arguments = QueuedSelection.of(request.user, self.site, selection, rehash=plan.rehash).as_arguments()
        try:
            hash_selection.enqueue(arguments)
        # Client libraries of queues raise anything.
        except Exception as error:
            message, reason, kind = "The task could not be enqueued: %s", printable(str(error)), error_kind(error)
            event = LogEvent.QUEUE_UNAVAILABLE
            log_event(logger, event, message, reason, asset=None, error_kind=kind)
            messages.error(request, _("The queue cannot be reached, so nothing was started. Please try again later."))
            return
        log_run(request.user.pk, title)
        text = _("These are more than %(limit)d images. They are being hashed in the background.")
        link = format_html('<a href="{}">{}</a>', admin_url(self.site, "imageasset_progress"), _("Show the progress."))
        messages.info(request, format_html("{} {}", text % {"limit": plan.limit}, link))
