"""Groups whose undecided images all have the bytes of the keeper."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Sum

from hashing.admin.review.visible_groups import open_groups
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup, GroupMember

SAMPLE = 12


class IdenticalTotals(NamedTuple):
    groups: int
    # The undecided images, and their bytes.
    images: int
    size: int
    # The highest key of any group and of any member: later ones have not been counted.
    last_group: int
    last_member: int


def identical_groups(groups: QuerySet[DuplicateGroup], access: ImageAccess) -> QuerySet[DuplicateGroup]:
    """Return the open ones of these visible groups in which no undecided image has other bytes than the keeper."""
    undecided = access.limit(GroupMember.objects.filter(group=OuterRef("pk"), is_same=False), "asset")
    others = undecided.exclude(asset__file_digest=OuterRef("keeper__file_digest"))
    has_keeper = open_groups(groups).filter(keeper__file_digest__isnull=False, keeper__hash_error="")
    return has_keeper.filter(~Exists(others)).order_by("pk")


def open_members(groups: Any, access: ImageAccess) -> QuerySet[GroupMember]:
    return access.limit(GroupMember.objects.filter(group__in=groups, is_same=False), "asset")


def count_identical(groups: QuerySet[DuplicateGroup], access: ImageAccess) -> IdenticalTotals:
    chosen = identical_groups(groups, access)
    found = open_members(chosen.order_by().values("pk"), access).aggregate(
        groups=Count("group", distinct=True), images=Count("pk"), size=Sum("asset__file_size")
    )
    last_group, last_member = (
        model._base_manager.aggregate(last=Max("pk"))["last"] or 0 for model in (DuplicateGroup, GroupMember)
    )
    return IdenticalTotals(found["groups"], found["images"], found["size"] or 0, last_group, last_member)


def sample_identical(groups: QuerySet[DuplicateGroup], access: ImageAccess, start: int) -> list[DuplicateGroup]:
    """Return some of the groups, spread over all of them. Another `start` gives others."""
    keys = list(identical_groups(groups, access).values_list("pk", flat=True))
    step = max(1, len(keys) // SAMPLE)
    chosen = keys[start % step :: step][:SAMPLE]
    return list(groups.filter(pk__in=chosen).order_by("pk"))
