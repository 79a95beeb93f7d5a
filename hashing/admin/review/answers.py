"""What comes back after a decision: a fragment of the page for its script, or the page again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string

from hashing.admin.owners import show_owners
from hashing.admin.review.last_decision import last_decision
from hashing.admin.review.place import Place
from hashing.admin.review.shown_groups import ShownGroup
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
        show_owners((card.asset for group in self.groups for card in group.cards), request, place.site)
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
