"""The views that decide and take back. They change something on POST, and know no other method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from hashing.admin.review.answers import Answer
from hashing.admin.review.carry_out import Done, carry_out, take_back
from hashing.admin.review.forms import DecisionForm, batch_of
from hashing.admin.review.place import MOST_KEYS, Place
from hashing.grouping.decisions import DecisionRefused


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
