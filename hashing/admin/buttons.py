"""Buttons of the list, the rows and the form.

django-admin-actions draws them as plain links, for everybody, and its URL names are the bare names of the methods.
So here a method's name carries the model, and is a view that asks for the permission itself. GET says what will happen,
POST does it. The permissions in its decorator say who is shown the button, no more.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from admin_actions.admin import ActionsModelAdmin
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.filters import WAITING, StateFilter
from hashing.admin.history import record_run
from hashing.admin.pages import admin_page
from hashing.admin.runs import Plan, hash_one, run_or_enqueue, tell
from hashing.admin.selection import Selection

LIST_BUTTONS = ("hashing_imageasset_search_by_picture", "hashing_imageasset_hash_waiting")
ROW_BUTTONS = ("hashing_imageasset_find_similar", "hashing_imageasset_recompute")
CONFIRM = "admin/hashing/confirm_run.html"


class Buttons(ActionsModelAdmin):  # type: ignore[misc]
    actions_list = LIST_BUTTONS
    actions_row: tuple[str, ...] = ROW_BUTTONS
    actions_detail = ROW_BUTTONS

    @admin.action(description=gettext_lazy("Hash all waiting"), permissions=["change"])
    def hashing_imageasset_hash_waiting(self, request: HttpRequest) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        title, selection = _("Hash all waiting"), Selection(query=f"{StateFilter.parameter_name}={WAITING}")
        plan = Plan.of(self.get_queryset(request).never_tried(), rehash=False)
        if request.method == "POST":
            run_or_enqueue(request, title, plan, selection)
            return redirect("admin:hashing_imageasset_changelist")
        return self._confirm(request, title, plan=plan)

    @admin.action(description=gettext_lazy("Recompute hash"), permissions=["change"])
    def hashing_imageasset_recompute(self, request: HttpRequest, pk: int) -> HttpResponse:
        rows = self.get_queryset(request).filter(pk=pk)
        asset = rows.first()
        if not self.has_change_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        title = _("Recompute hash")
        if request.method == "POST":
            report = hash_one(rows, asset.hash_error)
            record_run(request.user.pk, title, report, asset)
            tell(request, report, matched=1)
            return redirect("admin:hashing_imageasset_change", pk)
        return self._confirm(request, title, asset=asset, preview=self.preview(asset))

    hashing_imageasset_hash_waiting.url_path = "hash-waiting/"  # type: ignore[attr-defined]
    hashing_imageasset_recompute.url_path = "recompute"  # type: ignore[attr-defined]

    def _confirm(self, request: HttpRequest, title: str, **context: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        return admin_page(self, request, CONFIRM, title, **context)

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = [column for column in super().get_list_display(request) if column != self.actions_holder.__name__]
        names = self._usable(request, self.actions_row)
        return [*columns, self._column_of(names)] if names else columns

    def _column_of(self, names: Iterable[str]) -> Any:
        # The library draws what stands in the admin itself, which all requests share.
        drawing = copy.copy(self)
        drawing.actions_row = tuple(names)
        return drawing.actions_holder

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return self._without_dead_buttons(request, self.actions_list, super().changelist_view(request, extra_context))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        # The library builds addresses from whatever stands in this one, and fails on all but whole numbers.
        view: Any = super() if re.fullmatch("[0-9]+", object_id) else super(ActionsModelAdmin, self)
        response = view.change_view(request, object_id, form_url, extra_context)
        return self._without_dead_buttons(request, self.actions_detail, response)

    def _without_dead_buttons(self, request: HttpRequest, names: Iterable[str], response: Any) -> Any:
        drawn = (getattr(response, "context_data", None) or {}).get("actions_list")
        if drawn:
            usable = self._usable(request, names)
            response.context_data["actions_list"] = [
                button for name, button in zip(names, drawn, strict=True) if name in usable
            ]
        return response

    def _usable(self, request: HttpRequest, names: Iterable[str]) -> list[str]:
        """Those of the buttons that are for this user."""
        return [name for name in names if self._may_use(request, name)]

    def _may_use(self, request: HttpRequest, name: str) -> bool:
        needed = getattr(self, name).allowed_permissions
        return all(getattr(self, f"has_{permission}_permission")(request) for permission in needed)
