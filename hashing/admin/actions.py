"""Actions for the rows selected in the list, and for all that match."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.runs import Plan, Rows, run_or_enqueue
from hashing.admin.selection import Selection


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
