from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from hashing.admin.review.orders import ORDERS, SUREST
from hashing.admin.review.visible_groups import Groups, count_field, decided_groups, open_groups
from hashing.fingerprint.similarity import SIMILAR_DISTANCE, VERY_SIMILAR_DISTANCE
from hashing.templatetags.hashing_admin import likeness_label

OPEN, DECIDED, ALL = "open", "decided", "all"

lazy_likeness_label = lazy(likeness_label, str)


class LinkRowFilter(admin.SimpleListFilter):
    """A row of links above the list, which has the whole width. Its choices are not counted."""

    template = "admin/hashing/review/filter.html"
    # The labels of its values.
    options: ClassVar[dict[str, Any]]
    # The value if the address has none; without, a link "All" comes first.
    default: ClassVar[str | None] = None

    @classmethod
    def limit(cls, groups: Groups, value: str | None) -> Groups:
        """Return the groups with this value: all if it is unknown."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(self.options.items())

    def value(self) -> str | None:
        return super().value() or self.default

    def choices(self, changelist: Any) -> Iterator[Any]:
        without_value, *choices = super().choices(changelist)
        yield from choices if self.default else [without_value, *choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return self.limit(queryset, self.value())


class GroupStateFilter(LinkRowFilter):
    title = _("state")
    parameter_name = "state"
    options = {OPEN: _("to review"), DECIDED: _("decided"), ALL: _("all")}
    default = OPEN

    @classmethod
    def limit(cls, groups: Groups, value: str | None) -> Groups:
        match value:
            case "open":
                return open_groups(groups)
            case "decided":
                return decided_groups(groups)
        return groups


class Range(NamedTuple):
    minimum: int
    maximum: int | None


class RangeFilter(LinkRowFilter):
    """Groups with a value of one field in a range, by the name of the range."""

    field: ClassVar[str]
    ranges: ClassVar[dict[str, Range]]

    @classmethod
    def limit(cls, groups: Groups, value: str | None) -> Groups:
        chosen = cls.ranges.get(str(value))
        if chosen is None:
            return groups
        field = count_field(groups, cls.field)
        rows = groups.filter(**{f"{field}__gte": chosen.minimum})
        return rows if chosen.maximum is None else rows.filter(**{f"{field}__lte": chosen.maximum})


class DistanceFilter(RangeFilter):
    """A filter by the distance of the image of a group that differs most from the keeper."""

    title = _("likeness")
    parameter_name = "likeness"
    field = "max_distance"
    ranges = {
        "very-similar": Range(0, VERY_SIMILAR_DISTANCE),
        "similar": Range(VERY_SIMILAR_DISTANCE + 1, SIMILAR_DISTANCE),
        "less-similar": Range(SIMILAR_DISTANCE + 1, None),
    }
    options = {name: lazy_likeness_label(each.minimum) for name, each in ranges.items()}


class SizeFilter(RangeFilter):
    title = _("images")
    parameter_name = "images"
    field = "size"
    ranges = {"2": Range(2, 2), "3-5": Range(3, 5), "6-20": Range(6, 20), "21": Range(21, None)}
    options = {"2": _("2"), "3-5": _("3–5"), "6-20": _("6–20"), "21": _("over 20")}  # noqa: RUF001


class OrderFilter(LinkRowFilter):
    """Links to the orders of the list, shown with the filters. It leaves no group out; `GroupList` sorts."""

    title = _("sort by")
    parameter_name = "order"
    options = {name: order.label for name, order in ORDERS.items()}
    default = SUREST

    @classmethod
    def limit(cls, groups: Groups, value: str | None) -> Groups:  # noqa: ARG003
        return groups


FILTERS = (GroupStateFilter, DistanceFilter, SizeFilter, OrderFilter)
