from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hashing.admin.review.visible_groups import Groups, count_field
from hashing.models import DuplicateGroup, ImageAsset

# The name of the annotation that a list is sorted by.
VALUE = "order_value"


class Order(NamedTuple):
    """An order of groups: by one value, then by the key of the keeper.

    Not by the key of the group, which changes with every decision. `expression` takes the groups that are sorted, and
    `read` is the same in Python, of a group as the user sees it and of its keeper.
    """

    label: Promise
    expression: Callable[[QuerySet[DuplicateGroup]], Any]
    read: Callable[[DuplicateGroup, ImageAsset], Any]
    is_descending: bool = False

    def terms(self, groups: QuerySet[DuplicateGroup]) -> list[Any]:
        """Return the arguments of `order_by()`."""
        value = self.expression(groups)
        return [value.desc() if self.is_descending else value.asc(), F("keeper").asc()]

    def sort(self, groups: Groups) -> Groups:
        return groups.order_by(*self.terms(groups))

    def with_value(self, groups: Groups) -> Groups:
        """Return groups for which the conditions `is_before` and `is_after` can be asked."""
        return groups.alias(**{VALUE: self.expression(groups)})

    def is_before(self, group: DuplicateGroup, keeper: ImageAsset) -> Q:
        return self._is_beside(group, keeper, "gt" if self.is_descending else "lt", "lt")

    def is_after(self, group: DuplicateGroup, keeper: ImageAsset) -> Q:
        return self._is_beside(group, keeper, "lt" if self.is_descending else "gt", "gt")

    def _is_beside(self, group: DuplicateGroup, keeper: ImageAsset, values: str, keepers: str) -> Q:
        value = self.read(group, keeper)
        has_same_value = Q(**{VALUE: value, f"keeper__{keepers}": keeper.pk})
        return Q(**{f"{VALUE}__{values}": value}) | has_same_value


def by_count(label: Promise, name: str, *, is_descending: bool = False) -> Order:
    return Order(
        label,
        lambda groups: F(count_field(groups, name)),
        lambda group, _keeper: getattr(group, name),
        is_descending,
    )


ORDERS = {
    "surest": by_count(_("surest"), "max_distance"),
    "bytes": by_count(_("bytes to free"), "open_bytes", is_descending=True),
    "newest": Order(
        _("newest"), lambda _groups: F("found_at"), lambda group, _keeper: group.found_at, is_descending=True
    ),
    "folder": Order(_("folder"), lambda _groups: F("keeper__image"), lambda _group, keeper: keeper.image.name),
    "name": Order(
        _("name"),
        lambda _groups: F("keeper_name"),
        lambda group, _keeper: group.keeper_name,
    ),
    "size": by_count(_("images"), "size", is_descending=True),
}
SUREST = "surest"
