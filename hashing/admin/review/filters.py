"""Filters of the list of groups. None of them counts anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from hashing.fingerprint.similarity import IDENTICAL_DISTANCE, NEARLY_IDENTICAL_DISTANCE
from hashing.templatetags.hashing_admin import likeness_label

OPEN, DECIDED, ALL = "open", "decided", "all"
STATE = "state"

_likeness_label = lazy(likeness_label, str)


class RowOfLinks(admin.SimpleListFilter):
    """Drawn above the list, which needs the whole width."""

    template = "admin/hashing/review/filter.html"


class GroupStateFilter(RowOfLinks):
    """Open groups, where nothing else is asked for."""

    title = _("state")
    parameter_name = STATE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(OPEN, _("open")), (DECIDED, _("decided")), (ALL, _("all"))]

    def value(self) -> str:
        return super().value() or OPEN

    def choices(self, changelist: Any) -> Iterator[Any]:
        # The first choice would be to ask for nothing, which is OPEN here.
        _nothing, *choices = super().choices(changelist)
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: Any = queryset
        match self.value():
            case "open":
                return rows.open()  # type: ignore[no-any-return]
            case "decided":
                return rows.decided()  # type: ignore[no-any-return]
        return queryset


class RangeFilter(RowOfLinks):
    """Values of one field between two limits; the last range has no upper one."""

    field: str
    ranges: dict[str, tuple[Any, int, int | None]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, label) for name, (label, _least, _most) in self.ranges.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in self.ranges:
            return queryset
        _label, least, most = self.ranges[str(self.value())]
        limits = {f"{self.field}__gte": least}
        return queryset.filter(**limits if most is None else limits | {f"{self.field}__lte": most})


class DistanceFilter(RangeFilter):
    """By the picture of a group that is the least like the keeper."""

    title = _("likeness")
    parameter_name = "likeness"
    field = "max_distance"
    ranges = {
        "identical": (_likeness_label(0), 0, IDENTICAL_DISTANCE),
        "nearly": (_likeness_label(IDENTICAL_DISTANCE + 1), IDENTICAL_DISTANCE + 1, NEARLY_IDENTICAL_DISTANCE),
        "similar": (_likeness_label(NEARLY_IDENTICAL_DISTANCE + 1), NEARLY_IDENTICAL_DISTANCE + 1, None),
    }


class SizeFilter(RangeFilter):
    title = _("pictures")
    parameter_name = "pictures"
    field = "size"
    ranges = {
        "2": (_("2"), 2, 2),
        "3-5": (_("3–5"), 3, 5),  # noqa: RUF001
        "6-20": (_("6–20"), 6, 20),  # noqa: RUF001
        "21": (_("over 20"), 21, None),
    }
