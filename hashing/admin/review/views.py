from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from hashing.admin.owners import attach_owners
from hashing.admin.review.forms import DecisionForm, ReviewForm, TakeBackForm, UndoForm
from hashing.admin.review.history import find_last_decision
from hashing.admin.review.presentation import GroupPresentation
from hashing.admin.review.return_to import MAX_KEYS, ReturnTo
from hashing.admin.review.services import DecisionResult, apply_decision, undo_decisions
from hashing.admin.review.taking_back import may_take_back, take_back
from hashing.admin.review.verdicts import VERDICTS
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused
from hashing.models import DuplicateGroup

GROUP, UNDO = "admin/hashing/review/group.html", "admin/hashing/review/undo.html"
HEADER = "admin/hashing/review/session.html"


class DecisionViews:
    """The addresses that the buttons of the review post to."""

    def __init__(self, model_admin: ModelAdmin[DuplicateGroup]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        return [
            path(
                f"{name.replace('_', '-')}/",
                self.model_admin.admin_site.admin_view(require_POST(view)),
                name=f"hashing_duplicategroup_{name}",
            )
            for name, view in (("decide", self.decide), ("undo", self.undo), ("take_back", self.take_back))
        ]

    def decide(self, request: HttpRequest) -> HttpResponse:
        self.check_permission(request)
        form = DecisionForm.of(request.POST)
        decision, rows = form.decision, self.model_admin.get_queryset(request)
        keys, access = [decision.keeper_pk, *decision.assets], self.access(request)
        return self.respond(request, form, lambda: apply_decision(decision, rows, access), keys)

    def undo(self, request: HttpRequest) -> HttpResponse:
        self.check_permission(request)
        form = UndoForm.of(request.POST)
        return self.respond(request, form, lambda: undo_decisions(form.cleaned_data["batch"], self.access(request)), [])

    def take_back(self, request: HttpRequest) -> HttpResponse:
        """Take back one decision about an image of a group, and stay on the page."""
        self.check_permission(request)
        form = TakeBackForm.of(request.POST)
        key, access = form.cleaned_data["take_back"], self.access(request)
        return self.respond(request, form, lambda: take_back(key, access), [form.cleaned_data["keeper"]])

    def access(self, request: HttpRequest) -> ImageAccess:
        return ImageAccess(request, self.model_admin.admin_site)

    def check_permission(self, request: HttpRequest) -> None:
        if not self.model_admin.has_change_permission(request):
            raise PermissionDenied

    def respond(
        self, request: HttpRequest, form: ReviewForm, act: Callable[[], DecisionResult], keys: list[int]
    ) -> HttpResponse:
        """Act, and show again the groups of the images that were decided about, `keys`, and of those that changed."""
        is_refusal = False
        try:
            result = act()
        except DecisionRefused as refusal:
            result, is_refusal = DecisionResult(str(refusal), []), True
        return_to = ReturnTo.of(form.cleaned_data["return_to"], self.model_admin.admin_site)
        access = self.access(request)
        changed = access.visible_keys(list(dict.fromkeys([*keys, *result.keys]))[:MAX_KEYS])
        # A refusal shows what somebody else has decided, also where decided groups are hidden.
        rows = self.model_admin.get_queryset(request)
        groups = return_to.find_groups(rows, changed, access, include_decided=is_refusal)
        return DecisionResponse(result.message, changed, groups, is_refusal, rows).to_http(request, return_to)


@dataclass(frozen=True)
class DecisionResponse:
    """The answer to a decision, as JSON or as a redirect.

    On the page, `groups` replace all groups of the images `keys`. `rows` are all groups that the user sees.
    """

    message: str
    keys: list[int]
    groups: list[GroupPresentation]
    is_refusal: bool
    rows: QuerySet[DuplicateGroup]

    def to_http(self, request: HttpRequest, return_to: ReturnTo) -> HttpResponse:
        attach_owners((card.asset for group in self.groups for card in group.cards), request, return_to.site)
        if request.headers.get("Accept") == "application/json":
            return JsonResponse(self.as_json(request, return_to), status=409 if self.is_refusal else 200)
        messages.add_message(request, messages.ERROR if self.is_refusal else messages.SUCCESS, self.message)
        return redirect(return_to.url_of(self.groups))

    def as_json(self, request: HttpRequest, return_to: ReturnTo) -> dict[str, Any]:
        url, _mark, _fragment = return_to.url_of(self.groups).partition("#")
        context = review_context(request, return_to.site, url)
        session = return_to.describe_session(self.rows, self.groups, ImageAccess(request, return_to.site))
        return {
            "message": self.message,
            "keys": self.keys,
            "html": "".join(render_to_string(GROUP, {**context, "shown": group}, request) for group in self.groups),
            "undo": render_to_string(UNDO, context, request),
            "header": render_to_string(HEADER, {"session": session}, request),
        }


def review_context(request: HttpRequest, site: AdminSite, url: str, *, may_decide: bool = True) -> dict[str, Any]:
    """Return what the templates need besides the groups. `url` is the page that shows them."""
    return {
        "page_url": url,
        "verdicts": VERDICTS,
        "may_decide": may_decide,
        "may_take_back": may_decide and may_take_back(request, site),
        "last_decision": find_last_decision(ImageAccess(request, site)) if may_decide else None,
    }
