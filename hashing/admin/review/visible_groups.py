"""Groups as a user sees them who may not see all images."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from hashing.admin.visibility import ImageAccess
from hashing.db.queryset_state import has_annotation
from hashing.grouping.group_rows import COUNTS
from hashing.models import DuplicateGroup, GroupMember

Groups = TypeVar("Groups", bound=QuerySet[DuplicateGroup])

# Of the annotations that stand for the counts of a group where some of its images are hidden.
PREFIX = "visible_"
MIN_SIZE = 2


def limit_groups(groups: Groups, access: ImageAccess) -> Groups:
    """Return the groups whose keeper and at least one other image are visible, counted by the visible ones.

    Distances are measured from the keeper: a group whose keeper is hidden would tell about the keeper.
    """
    if not access.is_narrowed:
        return groups
    members = access.limit(GroupMember.objects.filter(group=OuterRef("pk")), "asset").order_by().values("group")
    counted = {
        f"{PREFIX}{name}": Coalesce(Subquery(members.annotate(count=count).values("count")), 0)
        for name, count in COUNTS.items()
    }
    return access.limit(groups, "keeper").annotate(**counted).filter(**{f"{PREFIX}size__gte": MIN_SIZE})


def count_field(groups: QuerySet[DuplicateGroup], name: str) -> str:
    """Return the name under which these groups have one of their counts, such as "open_count"."""
    visible = f"{PREFIX}{name}"
    return visible if has_annotation(groups, visible) else name


def open_groups(groups: Groups) -> Groups:
    return groups.filter(**{f"{count_field(groups, 'open_count')}__gt": 0})


def decided_groups(groups: Groups) -> Groups:
    return groups.filter(**{count_field(groups, "open_count"): 0})


def as_visible(group: DuplicateGroup) -> DuplicateGroup:
    """Give a group that is only shown the counts of its visible images."""
    for name in COUNTS:
        setattr(group, name, getattr(group, f"{PREFIX}{name}", getattr(group, name)))
    return group
