"""Lists of decisions, and of images that decisions have marked: searched and filtered by the decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.admin.visibility import ImageAccess
from hashing.db.expressions import HasKey
from hashing.models import PairDecision
from hashing.text import parse_integer

MAX_PEOPLE = 20
NOBODY = "nobody"
# If a search finds more rows than these, a page reads its first ones quickly without a list of all keys.
MAX_FOUND = 10_000
# The fields of its decision that a marked duplicate gets, and what their names begin with.
PREFIX, FIELDS = "mark_", ("lower", "higher", "lower_file", "higher_file", "decided_by", "decided_at")

MarkedRows = TypeVar("MarkedRows", bound=QuerySet[Any])


def with_decision_fields(rows: MarkedRows) -> MarkedRows:
    """Return marked duplicates with the fields of their decisions, for the filters and the search of this module."""
    return rows.alias(**{f"{PREFIX}{name}": F(f"marks__{name}") for name in FIELDS})


def decision_field(rows: QuerySet[Any], name: str) -> str:
    """Return the name that a field of the decision has in a list."""
    return name if rows.model is PairDecision else f"{PREFIX}{name}"


def search_by_images(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Return the rows whose decision is about an image with these words in its name; a number is also a key."""
    words = text.split()
    if not words:
        return rows
    # The decisions are searched once, although a page reads the rows several times.
    decisions = PairDecision.objects.using(rows.db).not_superseded()
    found = decisions.filter(has_words(words, decisions)).order_by()
    if rows.model is not PairDecision:
        found = found.filter(duplicate__isnull=False)
    keys = list(found.values_list("pk" if rows.model is PairDecision else "duplicate", flat=True)[: MAX_FOUND + 1])
    return rows.filter(HasKey(keys) if len(keys) <= MAX_FOUND else has_words(words, rows))


def has_words(words: Iterable[str], rows: QuerySet[Any]) -> Q:
    condition = Q()
    for word in words:
        names = {f"{decision_field(rows, name)}__icontains": word for name in ("lower_file", "higher_file")}
        key = parse_integer(word)
        keys = {} if key is None else {decision_field(rows, name): key for name in ("lower", "higher")}
        condition &= Q(**names, **keys, _connector=Q.OR)
    return condition


class DeciderFilter(admin.SimpleListFilter):
    """A filter by the person who decided, among those whose decisions the user may see."""

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
        field = decision_field(queryset, "decided_by")
        if chosen == NOBODY:
            return queryset.filter(Q(**{f"{field}__isnull": True}) | ~Q(**{f"{field}__in": known}))
        return queryset.filter(**{field: chosen}) if chosen in known else queryset


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
        limits: dict[str, dict[str, datetime]] = {
            "today": {"gte": today},
            "yesterday": {"gte": today - timedelta(days=1), "lt": today},
            "week": {"gte": today - timedelta(days=6)},
            "month": {"gte": month},
            "earlier": {"lt": month},
        }
        field, chosen = decision_field(queryset, "decided_at"), limits.get(str(self.value()), {})
        return queryset.filter(**{f"{field}__{lookup}": moment for lookup, moment in chosen.items()})


def start_of_today() -> datetime:
    """Return midnight in the time zone of the user, or of the site if it activates none."""
    now = timezone.now()
    if timezone.is_naive(now):
        return datetime.combine(now.date(), time.min)
    return timezone.make_aware(datetime.combine(timezone.localdate(now), time.min))
