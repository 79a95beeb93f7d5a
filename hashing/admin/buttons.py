"""Buttons of the list, the rows and the form.

django-admin-actions draws them as plain links, for everybody, and its URL names are the bare names of the methods.
So here a method's name carries the model, and is a view: GET says what will happen, POST does it.
"""

from __future__ import annotations

import re
from typing import Any

from admin_actions.admin import ActionsModelAdmin
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.filters import WAITING, StateFilter
from hashing.admin.history import record_run
from hashing.admin.runs import Plan, hash_rows, run_or_enqueue, tell
from hashing.admin.selection import Selection

LIST_BUTTONS, ROW_BUTTONS = ("hashing_imageasset_hash_waiting",), ("hashing_imageasset_recompute",)
CONFIRM = "admin/hashing/confirm_run.html"


class Buttons(ActionsModelAdmin):  # type: ignore[misc]
    actions_list = LIST_BUTTONS
    actions_row = ROW_BUTTONS
    actions_detail = ROW_BUTTONS

    @admin.action(description=gettext_lazy("Hash all waiting"))
    def hashing_imageasset_hash_waiting(self, request: HttpRequest) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        title, selection = _("Hash all waiting"), Selection(query=f"{StateFilter.parameter_name}={WAITING}")
        plan = Plan.of(self.get_queryset(request).never_tried(), rehash=False)
        if request.method == "POST":
            run_or_enqueue(request, title, plan, selection)
            return redirect("admin:hashing_imageasset_changelist")
        return self._confirm(request, title, plan=plan)

    @admin.action(description=gettext_lazy("Recompute hash"))
    def hashing_imageasset_recompute(self, request: HttpRequest, pk: int) -> HttpResponse:
        rows = self.get_queryset(request).filter(pk=pk)
        asset = rows.first()
        if not self.has_change_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        title = _("Recompute hash")
        if request.method == "POST":
            report = hash_rows(rows, rehash=True, limit=1)
            record_run(request.user.pk, title, report, asset)
            tell(request, report, matched=1)
            return redirect("admin:hashing_imageasset_change", pk)
        return self._confirm(request, title, asset=asset, preview=self.preview(asset))

    hashing_imageasset_hash_waiting.url_path = "hash-waiting/"  # type: ignore[attr-defined]
    hashing_imageasset_recompute.url_path = "recompute"  # type: ignore[attr-defined]

    def _confirm(self, request: HttpRequest, title: str, **context: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        whole = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "media": self.media}
        return TemplateResponse(request, CONFIRM, whole | context)

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        if self.has_change_permission(request):
            return columns
        return [column for column in columns if column != self.actions_holder.__name__]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return self._without_dead_buttons(request, super().changelist_view(request, extra_context))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        # The library builds addresses from whatever stands in this one, and fails on all but whole numbers.
        view: Any = super() if re.fullmatch("[0-9]+", object_id) else super(ActionsModelAdmin, self)
        return self._without_dead_buttons(request, view.change_view(request, object_id, form_url, extra_context))

    def _without_dead_buttons(self, request: HttpRequest, response: Any) -> Any:
        if not self.has_change_permission(request) and hasattr(response, "context_data"):
            response.context_data["actions_list"] = ()
        return response
