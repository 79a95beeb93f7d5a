"""The page that shows which groups would get another keeper by other criteria. It changes nothing."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from hashing.admin.links import admin_page
from hashing.admin.owners import attach_owners
from hashing.admin.review.cards import MemberCard
from hashing.admin.review.presentation import GroupPresentation, present_groups
from hashing.admin.review.visible_groups import open_groups
from hashing.admin.visibility import ImageAccess
from hashing.conf import hashing_settings
from hashing.grouping.criteria import CRITERIA, WITH_ARGUMENT, UnknownCriterion, parse_criteria
from hashing.grouping.ranking import Criteria, decisive_criterion, rank
from hashing.models import DuplicateGroup

TEMPLATE = "admin/hashing/review/keeper_rules.html"
MAX_EXAMINED, MAX_SHOWN = 200, 20


class KeeperRulesForm(forms.Form):
    criteria = forms.CharField(
        label=gettext_lazy("Criteria"),
        help_text=gettext_lazy("One in each line, the most important first."),
        widget=forms.Textarea(attrs={"rows": 8, "cols": 30, "spellcheck": "false", "dir": "ltr"}),
        max_length=2000,
    )

    def clean_criteria(self) -> list[str]:
        names = [line.strip() for line in self.cleaned_data["criteria"].splitlines() if line.strip()]
        try:
            parse_criteria(tuple(names))
        except UnknownCriterion as error:
            raise forms.ValidationError(str(error)) from error
        return names


class KeeperChange(NamedTuple):
    """A group whose keeper would be another image."""

    group: GroupPresentation
    chosen: MemberCard
    reason: str


class KeeperRulesView:
    def __init__(self, model_admin: ModelAdmin[DuplicateGroup]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        view = self.model_admin.admin_site.admin_view(require_safe(self.show))
        return [path("keeper-rules/", view, name="hashing_duplicategroup_keeper_rules")]

    def show(self, request: HttpRequest) -> HttpResponse:
        if not self.model_admin.has_view_permission(request):
            raise PermissionDenied
        current = list(hashing_settings().KEEPER)
        form = KeeperRulesForm({"criteria": request.GET.get("criteria", "\n".join(current))})
        context: dict[str, Any] = {"form": form, "current": current}
        context["known"] = [*CRITERIA, *(f"{name}:…" for name in WITH_ARGUMENT)]
        if form.is_valid():
            names = form.cleaned_data["criteria"]
            groups, criteria = self.examined_groups(request), parse_criteria(tuple(names))
            changes = [change for group in groups if (change := keeper_change(group, criteria))]
            context |= {"names": names, "setting": json.dumps(names), "examined": len(groups)}
            shown = changes[:MAX_SHOWN]
            cards = (card for change in shown for card in (change.group.cards[0], change.chosen))
            attach_owners((card.asset for card in cards), request, self.model_admin.admin_site)
            context |= {"changed": len(changes), "changes": shown}
        return admin_page(self.model_admin, request, TEMPLATE, _("Keeper rules"), **context)

    def examined_groups(self, request: HttpRequest) -> list[GroupPresentation]:
        rows = open_groups(self.model_admin.get_queryset(request))
        return present_groups(rows.order_by("pk")[:MAX_EXAMINED], ImageAccess(request, self.model_admin.admin_site))


def keeper_change(group: GroupPresentation, criteria: Criteria) -> KeeperChange | None:
    """Return the change of the keeper to the best of the cards by these criteria, None if it stays."""
    # An editor has chosen the keeper.
    if any(card.member.is_same for card in group.cards[1:]):
        return None
    cards = {card.asset.pk: card for card in group.cards}
    best, *others = rank((card.asset for card in group.cards), criteria)
    if best.pk == group.keeper.pk:
        return None
    keeper = next(image for image in others if image.pk == group.keeper.pk)
    decisive = decisive_criterion(best, keeper, criteria)
    return KeeperChange(group, cards[best.pk], str(decisive.reason) if decisive else _("the keeper has an error"))
