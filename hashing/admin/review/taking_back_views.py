"""The list of decisions: one is taken back by its button, several after a confirmation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from hashing.admin.columns import image_cell
from hashing.admin.links import admin_page, admin_url
from hashing.admin.review.history import describe_pair
from hashing.admin.review.taking_back import TakenBack, take_back, take_back_all
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused
from hashing.models import PairDecision
from hashing.text import parse_integer

CONFIRMATION = "admin/hashing/review/take_back.html"
# Decisions of one transaction, during which nobody else can decide, and those that pages and messages show.
MAX_TAKEN_BACK, MAX_SHOWN, MAX_NAMED = 500, 12, 3


class TakingBackViews:
    """The views of the list of decisions that take decisions back, and return to the list."""

    def __init__(self, model_admin: ModelAdmin[PairDecision]) -> None:
        self.model_admin = model_admin
        self.site = model_admin.admin_site

    def urls(self) -> list[URLPattern]:
        view = self.site.admin_view(require_POST(self.button))
        return [path("take-back/", view, name="hashing_pairdecision_take_back")]

    def button(self, request: HttpRequest) -> HttpResponse:
        """Take back the decision of a row, and show the same page of the list."""
        self._take_back(request, request.POST.get("decision", ""))
        return redirect(self.list_url(request.POST.get("list_query", "")))

    def one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve as the `delete_view` of the admin: ask, then take back."""
        decision = self.model_admin.get_object(request, object_id)
        if not self.model_admin.has_delete_permission(request, decision):
            raise PermissionDenied
        back = self.list_url(request.GET.get("_changelist_filters", ""))
        if request.POST.get("post"):
            self._take_back(request, object_id)
            return redirect(back)
        if decision is None:
            messages.error(request, _("This was taken back or decided again already. Nothing was changed."))
            return redirect(back)
        return self._confirm(request, [decision], 1, back)

    def selected(self, request: HttpRequest, decisions: QuerySet[PairDecision]) -> HttpResponse | None:
        """Serve as an action: ask, then take back what the confirmation has counted."""
        newest = parse_integer(request.POST.get("newest", ""))
        if newest is not None:
            decisions = decisions.filter(pk__lte=newest)
        if not request.POST.get("post"):
            shown = list(decisions.order_by("-pk")[:MAX_SHOWN])
            # Of ticked rows those that the user sees, of the whole list any, without which Django refuses the action.
            ticked = shown[:1] if request.POST.get("select_across") == "1" else decisions
            keys = [decision.pk for decision in ticked]
            return self._confirm(request, shown, decisions.order_by().count(), request.get_full_path(), keys)
        keys = list(decisions.order_by("-pk").values_list("pk", flat=True)[: MAX_TAKEN_BACK + 1])
        chosen = self.model_admin.get_queryset(request).filter(pk__in=keys[:MAX_TAKEN_BACK])
        done = take_back_all(chosen, request, self.model_admin)
        add_messages(request, done, has_more=len(keys) > MAX_TAKEN_BACK)
        return None

    def list_url(self, query: str) -> str:
        address = admin_url(self.site, "pairdecision_changelist")
        return f"{address}?{QueryDict(query).urlencode()}" if query else address

    def _take_back(self, request: HttpRequest, key: str) -> None:
        try:
            messages.success(request, take_back(parse_integer(key) or 0, ImageAccess(request, self.site)).message)
        except DecisionRefused as refusal:
            messages.error(request, str(refusal))

    def _confirm(
        self,
        request: HttpRequest,
        shown: Sequence[PairDecision],
        count: int,
        list_url: str,
        selected: Sequence[int] = (),
    ) -> HttpResponse:
        pairs = [(pair_html(decision, self.site), describe_pair(decision)) for decision in shown]
        fields = {name: request.POST.get(name, "") for name in ("action", "select_across") if name in request.POST}
        context = {
            "pairs": pairs,
            "count": count,
            "hidden_count": count - len(shown),
            "limit": MAX_TAKEN_BACK if count > MAX_TAKEN_BACK else None,
            "fields": fields | {"newest": max((decision.pk for decision in shown), default=0)},
            "keys": selected,
            "list_url": list_url,
        }
        return admin_page(self.model_admin, request, CONFIRMATION, _("Take back"), **context)


def add_messages(request: HttpRequest, done: TakenBack, *, has_more: bool) -> None:
    if done.decisions:
        count = len(done.decisions)
        text = ngettext("%(count)d decision was taken back", "%(count)d decisions were taken back", count)
        names = "; ".join(map(describe_pair, done.decisions[:MAX_NAMED]))
        shown = _("%(names)s and more") % {"names": names} if count > MAX_NAMED else names
        messages.success(request, f"{text % {'count': count}}: {shown}.")
    if done.forbidden:
        text = ngettext(
            "%(count)d decision was left: you may not change its images.",
            "%(count)d decisions were left: you may not change their images.",
            done.forbidden,
        )
        messages.warning(request, text % {"count": done.forbidden})
    if has_more:
        messages.warning(request, _("More decisions are selected than can be taken back at once. Do it again."))


def pair_html(decision: PairDecision, site: AdminSite) -> SafeString:
    """Return both images of a decision; the one that is marked as a duplicate says so, and comes first."""
    if decision.duplicate_id is None:
        cells = [image_cell(asset, site) for asset in (decision.lower, decision.higher)]
    else:
        is_lower = decision.duplicate_id == decision.lower_id
        duplicate, kept = (decision.lower, decision.higher)[:: 1 if is_lower else -1]
        cells = [image_cell(duplicate, site, _("Duplicate")), image_cell(kept, site, _("Kept"))]
    return format_html('<div class="hashing-image-pair">{}{}</div>', *cells)


def take_back_button(decision: PairDecision, site: AdminSite) -> SafeString:
    """Return a button of the form of the list."""
    context: dict[str, Any] = {"decision": decision, "text": describe_pair(decision)}
    context["url"] = admin_url(site, "pairdecision_take_back")
    return render_to_string("admin/hashing/review/take_back_button.html", context)
