from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import path
from django.views.decorators.http import require_POST

from hashing.admin.owners import attach_owners
from hashing.admin.review.forms import DecisionForm, batch_of
from hashing.admin.review.presentation import ShownGroup
from hashing.admin.review.return_to import MOST_KEYS, Place
from hashing.admin.review.services import Done, carry_out, last_decision, take_back
from hashing.grouping.decision_log import DecisionRefused
from hashing.models import PairDecision

GROUP, UNDO = "admin/hashing/review/group.html", "admin/hashing/review/undo.html"


@dataclass(frozen=True)
class Answer:
    """`keys` are the pictures whose groups are out of date on the page; `groups` is what comes in their place."""

    message: str
    keys: list[int]
    groups: list[ShownGroup]
    is_refusal: bool = False

    def send(self, request: HttpRequest, place: Place) -> HttpResponse:
        attach_owners((card.asset for group in self.groups for card in group.cards), request, place.site)
        if request.headers.get("Accept") == "application/json":
            return JsonResponse(self._as_json(request, place), status=409 if self.is_refusal else 200)
        messages.add_message(request, messages.ERROR if self.is_refusal else messages.SUCCESS, self.message)
        return redirect(place.address_with(self.groups))

    def _as_json(self, request: HttpRequest, place: Place) -> dict[str, Any]:
        context = review_context(request, place.site, place.address_with(self.groups).partition("#")[0])
        return {
            "message": self.message,
            "keys": self.keys,
            "html": "".join(_fragments(request, self.groups, context)),
            "undo": render_to_string(UNDO, context, request),
        }


def review_context(request: HttpRequest, site: AdminSite, back: str, *, may_decide: bool = True) -> dict[str, Any]:
    """What the templates of the review need besides the groups. `back` is the page that shows them."""
    undo = last_decision(request.user.pk) if may_decide else None
    may_take_back = may_decide and _may_take_back(request, site)
    return {"back": back, "may_decide": may_decide, "may_take_back": may_take_back, "last_decision": undo}


def _may_take_back(request: HttpRequest, site: AdminSite) -> bool:
    if not site.is_registered(PairDecision):
        return False
    return bool(site.get_model_admin(PairDecision).has_delete_permission(request))


def _fragments(request: HttpRequest, groups: Iterable[ShownGroup], context: dict[str, Any]) -> Iterable[str]:
    return (render_to_string(GROUP, {**context, "shown": group}, request) for group in groups)


class Decide(admin.ModelAdmin):  # type: ignore[type-arg]
    def get_urls(self) -> list[Any]:
        views = {"decide": self.decide_view, "undo": self.undo_view}
        urls = [
            path(f"{name}/", self.admin_site.admin_view(require_POST(view)), name=f"hashing_duplicategroup_{name}")
            for name, view in views.items()
        ]
        return [*urls, *super().get_urls()]

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        self._check_right(request)
        form, rows = DecisionForm.of(request.POST), self.get_queryset(request)
        return self._answer(request, lambda: carry_out(form, rows, request.user.pk), [form.keeper_pk, form.asset_pk])

    def undo_view(self, request: HttpRequest) -> HttpResponse:
        self._check_right(request)
        batch = batch_of(request.POST)
        return self._answer(request, lambda: take_back(batch, request.user.pk), [])

    def _check_right(self, request: HttpRequest) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied

    def _answer(self, request: HttpRequest, act: Callable[[], Done], meant: list[int]) -> HttpResponse:
        """`meant` are the keys of the pictures that the person looked at."""
        is_refusal = False
        try:
            done = act()
        except DecisionRefused as refusal:
            done, is_refusal = Done(str(refusal), []), True
        place = Place.of(request.POST.get("back", ""), self.admin_site)
        keys = list(dict.fromkeys([*meant, *done.keys]))[:MOST_KEYS]
        # After a refusal, what somebody else has decided is shown everywhere.
        groups = place.show_again(self.get_queryset(request), keys, also_decided=is_refusal)
        return Answer(done.message, keys, groups, is_refusal).send(request, place)
