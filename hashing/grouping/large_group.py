"""Groups that are too large to be made anew for one upload or decision: the same placeholder, thousands of times."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Case, F, Q, QuerySet, When

from hashing.grouping.finder import FoundGroup, FoundMember, find_groups
from hashing.grouping.options import GroupingOptions
from hashing.grouping.store import add_member, count_groups, delete_quietly
from hashing.grouping.verdicts import Verdicts, read_verdicts_around
from hashing.models.duplicates import DuplicateGroup, GroupMember
from hashing.models.images import ImageAsset
from hashing.paging import batches

# From so many pictures on a group is large.
LARGE_GROUP = 1000


def settle(group: DuplicateGroup, using: str) -> set[int] | None:
    """Let a group follow the decisions about its keeper. Returns the rows that they set free.

    None: another keeper is due, and the group must be made anew.
    """
    verdicts = read_verdicts_around({group.keeper_id}, using)
    members = GroupMember.objects.using(using).filter(group=group.pk)
    same = set(verdicts.same.get(group.keeper_id, ()))
    _mark_same(members, {group.keeper_id} if group.keeper_id in verdicts.lost else same | {group.keeper_id})
    if group.keeper_id in verdicts.marked - verdicts.lost or not _is_best(group.keeper_id, members):
        return None
    different = _different_from(same | {group.keeper_id}, verdicts)
    # What is the same as one of these goes with it.
    whole = different | read_verdicts_around(different, using).same.keys()
    left = leave_large(whole - same - {group.keeper_id}, group, using)
    count_groups([group.pk], using)
    return left


def leave_large(keys: Collection[int], group: DuplicateGroup, using: str) -> set[int]:
    """Returns those of the rows that were in the group. The keeper must not be among them; nothing is counted."""
    left = set[int]()
    for batch in batches(keys):
        chosen = GroupMember.objects.using(using).filter(group=group.pk, asset__in=batch)
        left.update(chosen.values_list("asset", flat=True))
        delete_quietly(chosen, using)
    return left


def join_large(keys: Collection[int], group: DuplicateGroup, options: GroupingOptions, using: str) -> None:
    """Add the rows in no group that match the keeper of this one, at its end. A row that is not the same as one of the
    group stays away."""
    grouped = GroupMember.objects.using(using).filter(asset__in=keys).values_list("asset", flat=True)
    rows = ImageAsset.objects.using(using).all()
    for key in sorted(set(keys).difference(grouped)):
        verdicts = read_verdicts_around({key}, using)
        different = _different_from({key, *verdicts.same}, verdicts)
        if GroupMember.objects.using(using).filter(group=group.pk, asset__in=different).exists():
            continue
        for match in find_groups(rows, options, verdicts, keys={key, group.keeper_id}):
            add_member(group, _seen_from(group.keeper_id, key, match), using)


def _mark_same(members: QuerySet[GroupMember], same: set[int]) -> None:
    wrong = set(members.filter(is_same=True).values_list("asset", flat=True)) - same
    for batch in batches(wrong):
        members.filter(asset__in=batch).update(is_same=False)
    for batch in batches(same):
        members.filter(asset__in=batch, is_same=False).update(is_same=True)


def _is_best(keeper: int, members: QuerySet[GroupMember]) -> bool:
    """Whether no picture that is not marked would be kept before this one."""
    left = members.filter(Q(is_same=False) | Q(asset=keeper))
    facts = left.annotate(pixels=F("asset__width") * F("asset__height"))
    best = facts.order_by(
        Case(When(asset__hash_error="", then=0), default=1),
        F("pixels").desc(nulls_last=True),
        F("asset__file_size").desc(nulls_last=True),
        "asset__created_at",
        "asset",
    )
    return best.values_list("asset", flat=True).first() == keeper


def _different_from(cluster: set[int], verdicts: Verdicts) -> set[int]:
    return {other for key in cluster & verdicts.different.keys() for other in verdicts.different[key]}


def _seen_from(keeper: int, key: int, match: FoundGroup) -> FoundMember:
    """The one member of a group of two; its distances are the same from either side."""
    return match.members[0]._replace(key=key) if match.keeper != keeper else match.members[0]
