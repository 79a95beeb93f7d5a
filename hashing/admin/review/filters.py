from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from hashing.admin.review.visible_groups import count_field, decided_groups, open_groups
from hashing.fingerprint.similarity import IDENTICAL_DISTANCE, NEARLY_IDENTICAL_DISTANCE
from hashing.templatetags.hashing_admin import likeness_label

OPEN, DECIDED, ALL = "open", "decided", "all"

lazy_likeness_label = lazy(likeness_label, str)


class LinkRowFilter(admin.SimpleListFilter):
    """A row of links above the list, which has the whole width. Its choices are not counted."""

    template = "admin/hashing/review/filter.html"


class GroupStateFilter(LinkRowFilter):
    """Open groups by default."""

    title = _("state")
    parameter_name = "state"

    @classmethod
    def is_open_only(cls, parameters: QueryDict) -> bool:
        return parameters.get(cls.parameter_name, OPEN) == OPEN

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(OPEN, _("open")), (DECIDED, _("decided")), (ALL, _("all"))]

    def value(self) -> str:
        return super().value() or OPEN

    def choices(self, changelist: Any) -> Iterator[Any]:
        # Without the first choice, which Django adds for no value: that is OPEN here.
        _no_value, *choices = super().choices(changelist)
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "open":
                return open_groups(queryset)
            case "decided":
                return decided_groups(queryset)
        return queryset


class Range(NamedTuple):
    label: Any
    minimum: int
    maximum: int | None


class RangeFilter(LinkRowFilter):
    """Groups with a value of one field in a range, by the name of the range."""

    field: str
    ranges: dict[str, Range]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, chosen.label) for name, chosen in self.ranges.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.ranges.get(str(self.value()))
        if chosen is None:
            return queryset
        field = count_field(queryset, self.field)
        rows = queryset.filter(**{f"{field}__gte": chosen.minimum})
        return rows if chosen.maximum is None else rows.filter(**{f"{field}__lte": chosen.maximum})


class DistanceFilter(RangeFilter):
    """By the image of a group that differs most from the keeper."""

    title = _("likeness")
    parameter_name = "likeness"
    field = "max_distance"
    ranges = {
        "identical": Range(lazy_likeness_label(0), 0, IDENTICAL_DISTANCE),
        "nearly": Range(lazy_likeness_label(IDENTICAL_DISTANCE + 1), IDENTICAL_DISTANCE + 1, NEARLY_IDENTICAL_DISTANCE),
        "similar": Range(lazy_likeness_label(NEARLY_IDENTICAL_DISTANCE + 1), NEARLY_IDENTICAL_DISTANCE + 1, None),
    }


class SizeFilter(RangeFilter):
    title = _("images")
    parameter_name = "images"
    field = "size"
    ranges = {
        "2": Range(_("2"), 2, 2),
        "3-5": Range(_("3–5"), 3, 5),  # noqa: RUF001
        "6-20": Range(_("6–20"), 6, 20),  # noqa: RUF001
        "21": Range(_("over 20"), 21, None),
    }
