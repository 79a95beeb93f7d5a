"""What the header of the review says: where the editor is, what they have decided today, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django.core.paginator import Paginator
from django.db.models import Case, Count, F, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from hashing.admin.decision_filters import start_of_today
from hashing.admin.paginator import values_checked
from hashing.admin.review.presentation import GroupPresentation
from hashing.admin.review.visible_groups import count_field
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup, PairDecision

GROUPS_PER_PAGE = 20
# Groups and decisions are counted up to these.
MAX_GROUPS, MAX_DECISIONS = 100_000, 10_000


@dataclass(frozen=True)
class GroupTotals:
    """The number of groups in a list, and the bytes of their undecided images. `is_capped`: there are more.

    `place` is the number of one of the groups in the order of the list; None if it is not in the list.
    """

    count: int
    open_bytes: int
    is_capped: bool
    place: int | None = None


@dataclass(frozen=True)
class ReviewSession:
    """What the header says. `first_place` is the place of the first group on a page of the list, None elsewhere."""

    totals: GroupTotals
    decided_today: int
    first_place: int | None = None


class GroupPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of groups. Counts and adds up the groups with one query."""

    @cached_property
    def totals(self) -> GroupTotals:
        groups: Any = self.object_list
        with values_checked():
            return total_groups(groups)

    @cached_property
    def count(self) -> int:
        groups: Any = self.object_list
        # A ModelAdmin has one paginator, also for the history of a row.
        return self.totals.count if groups.model is DuplicateGroup else int(super().count)


class Neighbours(NamedTuple):
    """The addresses of the groups before and behind a group in the order of its list; empty at its ends."""

    previous: str
    next: str


def session_of_list(
    groups: QuerySet[DuplicateGroup], access: ImageAccess, page: int, totals: GroupTotals | None = None
) -> ReviewSession:
    """Return the session on a page of the list, whose groups may have been counted before."""
    return ReviewSession(totals or total_groups(groups), count_decided_today(access), 1 + (page - 1) * GROUPS_PER_PAGE)


def session_of_group(shown: GroupPresentation, groups: QuerySet[DuplicateGroup], access: ImageAccess) -> ReviewSession:
    return ReviewSession(find_place(shown, groups), count_decided_today(access))


def total_groups(groups: QuerySet[DuplicateGroup]) -> GroupTotals:
    """Count the groups of a list, with one query."""
    return read_totals(groups.order_by(), count_field(groups, "open_bytes"))


def find_place(shown: GroupPresentation, groups: QuerySet[DuplicateGroup]) -> GroupTotals:
    """Count the groups of a list, and those before one of them, with one query."""
    order = shown.listing.order
    conditions = {"is_before": order.is_before(shown.group, shown.keeper), "is_shown": Q(pk=shown.group.pk)}
    flags = {name: Case(When(condition, then=1), default=0) for name, condition in conditions.items()}
    rows = order.with_value(groups).order_by().annotate(**flags)
    return read_totals(rows, count_field(groups, "open_bytes"), *flags)


def read_totals(groups: QuerySet[DuplicateGroup], bytes_field: str, *flags: str) -> GroupTotals:
    # Under other names: Django leaves an annotation out of the query if an aggregate has its name.
    sums = {f"count_{name}": Sum(name) for name in flags}
    found = groups[: MAX_GROUPS + 1].aggregate(count=Count("pk"), open_bytes=Sum(bytes_field), **sums)
    is_capped = found["count"] > MAX_GROUPS
    place = found["count_is_before"] + 1 if found.get("count_is_shown") and not is_capped else None
    return GroupTotals(min(found["count"], MAX_GROUPS), int(found["open_bytes"] or 0), is_capped, place)


def find_neighbours(shown: GroupPresentation, groups: QuerySet[DuplicateGroup], place: int | None) -> Neighbours:
    """Return the addresses of the groups before and behind this one, which has this place in its list.

    A group that was decided may have left the list, or lost its place there: then the list begins again.
    """
    order = shown.listing.order
    rows = order.sort(order.with_value(groups))
    before, after = order.is_before(shown.group, shown.keeper), order.is_after(shown.group, shown.keeper)
    nearest = (rows.filter(before).reverse(), rows.filter(after))
    is_nearest = Q(*(Q(pk__in=each.values("pk")[:1]) for each in nearest), _connector=Q.OR)
    found = rows.filter(is_nearest).annotate(side=Case(When(before, then=0), default=1))
    keys = {side: (pk, keeper) for pk, keeper, side in found.values_list("pk", "keeper", "side")}
    if place is None and 1 not in keys:
        for first in rows.exclude(pk=shown.group.pk).values_list("pk", "keeper")[:1]:
            keys[1] = first
    urls = {side: shown.listing.group_url(shown.site, *some) for side, some in keys.items()}
    return Neighbours(urls.get(0, ""), urls.get(1, ""))


def count_decided_today(access: ImageAccess) -> int:
    """Return how many groups and pairs the user has decided about today.

    All duplicates of one keeper count once, and so does each pair that is not the same. Images that were deleted, or
    are hidden from the user by now, count as well.
    """
    own = PairDecision.objects.not_superseded().filter(decided_by=access.request.user.pk)
    today = own.filter(decided_at__gte=start_of_today())
    subject = Coalesce(F("lower") + F("higher") - F("duplicate"), -F("pk"))
    rows = today.order_by().annotate(subject=subject)[:MAX_DECISIONS]
    return int(rows.aggregate(count=Count("subject", distinct=True))["count"])
