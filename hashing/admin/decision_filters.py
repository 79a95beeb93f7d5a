"""Lists of decisions, and of images that decisions have marked: searched and filtered by the decision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.admin.visibility import ImageAccess
from hashing.models import PairDecision
from hashing.text import parse_integer

MAX_PEOPLE = 20
NOBODY = "nobody"


def with_decision(rows: QuerySet[Any], condition: Q) -> QuerySet[Any]:
    """Return the decisions that meet the condition, or the images that such decisions mark as duplicates."""
    if rows.model is PairDecision:
        return rows.filter(condition)
    marks = PairDecision.objects.using(rows.db).in_force().filter(condition, verdict=PairDecision.Verdict.SAME)
    return rows.filter(pk__in=marks.values("duplicate"))


def search_by_images(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Return the rows whose decision is about an image with these words in its name; a number is also a key."""
    condition = Q()
    for word in text.split():
        about = Q(lower__image__icontains=word) | Q(higher__image__icontains=word)
        if (key := parse_integer(word)) is not None:
            about |= Q(lower=key) | Q(higher=key)
        condition &= about
    return with_decision(rows, condition) if condition else rows


class DeciderFilter(admin.SimpleListFilter):
    """By the person who decided, of those whose decisions the user may see."""

    title = _("person")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        decisions = ImageAccess(request, model_admin.admin_site).limit(
            PairDecision.objects.not_superseded(), "lower", "higher"
        )
        people: dict[Any, Any] = get_user_model()._default_manager.in_bulk(list(find_deciders(decisions)))
        names = [(str(key), person.get_username()) for key, person in people.items()]
        return [*sorted(names, key=lambda choice: choice[1].lower()), (NOBODY, _("a deleted account"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        known = [key for key, _name in self.lookup_choices if key != NOBODY]
        if chosen == NOBODY:
            return with_decision(queryset, Q(decided_by__isnull=True) | ~Q(decided_by__in=known))
        return with_decision(queryset, Q(decided_by=chosen)) if chosen in known else queryset


def find_deciders(decisions: QuerySet[PairDecision]) -> Iterator[Any]:
    """Yield the keys of up to MAX_PEOPLE people.

    Each is one look into the index of `decided_by`, where DISTINCT reads the whole table.
    """
    keys = decisions.filter(decided_by__isnull=False).order_by("decided_by").values_list("decided_by", flat=True)
    key = keys.first()
    for _person in range(MAX_PEOPLE):
        if key is None:
            return
        yield key
        key = keys.filter(decided_by__gt=key).first()


class DecidedAtFilter(admin.SimpleListFilter):
    title = _("day")
    parameter_name = "decided"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("today", _("today")),
            ("yesterday", _("yesterday")),
            ("week", _("the last 7 days")),
            ("month", _("the last 30 days")),
            ("earlier", _("earlier")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = start_of_today()
        month = today - timedelta(days=29)
        condition = {
            "today": Q(decided_at__gte=today),
            "yesterday": Q(decided_at__gte=today - timedelta(days=1), decided_at__lt=today),
            "week": Q(decided_at__gte=today - timedelta(days=6)),
            "month": Q(decided_at__gte=month),
            "earlier": Q(decided_at__lt=month),
        }.get(str(self.value()))
        return queryset if condition is None else with_decision(queryset, condition)


def start_of_today() -> datetime:
    """Return midnight in the time zone of the user, or of the site if it activates none."""
    now = timezone.now()
    if timezone.is_naive(now):
        return datetime.combine(now.date(), time.min)
    return timezone.make_aware(datetime.combine(timezone.localdate(now), time.min))
