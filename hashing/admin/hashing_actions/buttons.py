from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from admin_actions.admin import ActionsModelAdmin
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.hashing_actions.runs import Plan, Rows, hash_one, record_run, run_or_enqueue, tell
from hashing.admin.hashing_actions.selection import Selection
from hashing.admin.images.filters import WAITING, StateFilter
from hashing.admin.links import admin_page, admin_url


class HashActions:
    actions: Any = ("compute_hashes", "recompute_hashes")

    @admin.action(description=gettext_lazy("Compute perceptual hashes"), permissions=["change"])
    def compute_hashes(self, request: HttpRequest, queryset: Rows) -> None:
        """Of rows that have none. The others are left as they are."""
        _run(self, request, _("Compute perceptual hashes"), queryset, rehash=False)

    @admin.action(description=gettext_lazy("Recompute perceptual hashes"), permissions=["change"])
    def recompute_hashes(self, request: HttpRequest, queryset: Rows) -> None:
        _run(self, request, _("Recompute perceptual hashes"), queryset, rehash=True)


def _run(model_admin: Any, request: HttpRequest, title: str, rows: Any, *, rehash: bool) -> None:
    plan, selection = Plan.of(rows, rehash=rehash), Selection.of_action(request)
    run_or_enqueue(request, model_admin.admin_site, title, plan, selection)


LIST_BUTTONS = ("hashing_imageasset_search_by_image", "hashing_imageasset_hash_waiting")
ROW_BUTTONS = ("hashing_imageasset_find_similar", "hashing_imageasset_recompute")
CONFIRM, DRAWN = "admin/hashing/hashing_actions/confirm.html", "admin/hashing/buttons.html"


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
            run_or_enqueue(request, self.admin_site, title, plan, selection)
            return redirect(admin_url(self.admin_site, "imageasset_changelist"))
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
            tell(request, self.admin_site, report, matched=1)
            return redirect(admin_url(self.admin_site, "imageasset_change", pk))
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

        @admin.display(description="")
        def buttons(asset: Any) -> str:
            drawn = render_to_string(DRAWN, {"hashing_buttons": self._drawn(names, asset.pk)})
            return format_html('<ul class="hashing-row-buttons">{}</ul>', drawn)

        return [*columns, buttons] if names else columns

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"hashing_buttons": self._drawn(self._usable(request, self.actions_list)), **(extra_context or {})}
        return self._without_library.changelist_view(request, context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        names = self._usable(request, self.actions_detail)
        context = {"hashing_buttons": self._drawn(names, object_id), **(extra_context or {})}
        return self._without_library.change_view(request, object_id, form_url, context)

    @property
    def _without_library(self) -> Any:
        """The views of Django. Those of the library fail where the default admin site has no images."""
        return super(ActionsModelAdmin, self)

    def _drawn(self, names: Iterable[str], *key: Any) -> list[dict[str, str]]:
        """Titles and addresses, as `admin/hashing/buttons.html` draws them."""
        found = ((name, admin_url(self.admin_site, name.removeprefix("hashing_"), *key)) for name in names)
        return [{"title": getattr(self, name).short_description, "address": url} for name, url in found if url]

    def _usable(self, request: HttpRequest, names: Iterable[str]) -> list[str]:
        """Those of the buttons that are for this user."""
        return [name for name in names if self._may_use(request, name)]

    def _may_use(self, request: HttpRequest, name: str) -> bool:
        needed = getattr(self, name).allowed_permissions
        return all(getattr(self, f"has_{permission}_permission")(request) for permission in needed)
