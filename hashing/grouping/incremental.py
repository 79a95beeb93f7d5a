from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Case, F, Q, QuerySet, When

from hashing.db.paging import batches
from hashing.grouping.constraints import PairConstraints, read_constraints_around
from hashing.grouping.finder import FoundGroup, FoundMember, find_groups
from hashing.grouping.options import GroupingOptions
from hashing.grouping.store import add_member, count_groups, delete_quietly, store_groups, with_groups_locked
from hashing.models.duplicates import DuplicateGroup, GroupMember
from hashing.models.image_asset import ImageAsset

# From so many pictures on a group is large.
LARGE_GROUP = 1000


def settle(group: DuplicateGroup, using: str) -> set[int] | None:
    """Let a group follow the decisions about its keeper. Returns the rows that they set free.

    None: another keeper is due, and the group must be made anew.
    """
    verdicts = read_constraints_around({group.keeper_id}, using)
    members = GroupMember.objects.using(using).filter(group=group.pk)
    same = set(verdicts.must_link.get(group.keeper_id, ()))
    _mark_same(members, {group.keeper_id} if group.keeper_id in verdicts.lost else same | {group.keeper_id})
    if group.keeper_id in verdicts.marked - verdicts.lost or not _is_best(group.keeper_id, members):
        return None
    different = _different_from(same | {group.keeper_id}, verdicts)
    # What is the same as one of these goes with it.
    whole = different | read_constraints_around(different, using).must_link.keys()
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
        verdicts = read_constraints_around({key}, using)
        different = _different_from({key, *verdicts.must_link}, verdicts)
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


def _different_from(cluster: set[int], verdicts: PairConstraints) -> set[int]:
    return {other for key in cluster & verdicts.cannot_link.keys() for other in verdicts.cannot_link[key]}


def _seen_from(keeper: int, key: int, match: FoundGroup) -> FoundMember:
    """The one member of a group of two; its distances are the same from either side."""
    return match.members[0]._replace(key=key) if match.keeper != keeper else match.members[0]


# Of a picture that is like thousands of others, the nearest so many are looked at.
MOST_MATCHES = 1000
# Of the pictures that a decision sets free, so many are searched for at once; `find_duplicates` finds the others.
MOST_SET_FREE = 20


def regroup(
    changed: Iterable[int] = (), using: str = "default", *, groups: Iterable[int] = (), left: Iterable[int] = ()
) -> None:
    """Bring the groups up to date with rows whose hashes have `changed`, with decisions about some `groups`, and with
    rows that were `left` without a group.

    All are keys, and those of rows that were deleted may be among them. Only for `changed` rows the whole table is
    searched; the others are compared with one another.
    """
    with_groups_locked(using, _regroup, set(changed), set(left), set(groups), using)


def _regroup(changed: set[int], left: set[int], groups: set[int], using: str) -> None:
    options = GroupingOptions.of_last_run(using)
    set_free = _remake(changed, left, groups, options, using)
    if set_free:
        _remake(set(sorted(set_free)[:MOST_SET_FREE]), set(), set(), options, using)


def _remake(changed: set[int], left: set[int], decided: set[int], options: GroupingOptions, using: str) -> set[int]:
    """Returns the rows that were in a group before and are in none now."""
    matching = left | changed | {match for key in changed for match in matches_of(key, options, using)}
    touched = _touched(matching | set(read_constraints_around(matching, using).must_link), decided, using)
    large, set_free = _settle_large(touched, changed, decided, using)
    small = [group for group in touched if group not in large]
    before = set(GroupMember.objects.using(using).filter(group__in=small).values_list("asset", flat=True))
    scope = before | (matching - _members_of(large, matching, using))
    if not touched and len(scope) < 2:
        return set()
    found = _find(scope, options, using)
    store_groups(found, using, among=small)
    for group in large:
        join_large(changed, group, options, using)
    return (before | set_free) - changed - {key for group in found for key in _keys(group)}


def _settle_large(
    groups: Iterable[DuplicateGroup], changed: set[int], decided: set[int], using: str
) -> tuple[list[DuplicateGroup], set[int]]:
    """The groups that are not to be made anew, and the rows that were set free from them."""
    kept, set_free = [], set[int]()
    for group in groups:
        is_decided = group.pk in decided
        if group.size < LARGE_GROUP or (group.keeper_id in changed and not is_decided):
            continue
        # They may join it again.
        has_changed = not is_decided and bool(leave_large(changed, group, using))
        free = settle(group, using) if is_decided or has_changed else set[int]()
        if free is not None:
            kept.append(group)
            set_free |= free
    return kept, set_free


def matches_of(key: int, options: GroupingOptions, using: str) -> list[int]:
    """Return the keys of the rows that match one by the rules of a run, nearest first."""
    rows = options.rows(using)
    asset = rows.filter(pk=key).first()
    if asset is None:
        return []
    if options.exact_bytes:
        matches = rows.exclude(pk=key).filter(file_digest__isnull=False, file_digest=asset.file_digest)
    else:
        matches = rows.similar_to(asset, options.max_distance, any_orientation=options.any_orientation)
    return list(matches.values_list("pk", flat=True)[:MOST_MATCHES])


def _find(scope: set[int], options: GroupingOptions, using: str) -> list[FoundGroup]:
    verdicts = read_constraints_around(scope, using)
    return find_groups(options.rows(using), options, verdicts, keys=scope | verdicts.must_link.keys())


def _touched(keys: set[int], groups: set[int], using: str) -> list[DuplicateGroup]:
    members = GroupMember.objects.using(using)
    wanted = groups.union(*(members.filter(asset__in=batch).values_list("group", flat=True) for batch in batches(keys)))
    return list(DuplicateGroup.objects.using(using).filter(pk__in=wanted).order_by("pk"))


def _members_of(groups: list[DuplicateGroup], keys: set[int], using: str) -> set[int]:
    members = GroupMember.objects.using(using).filter(group__in=groups, asset__in=keys)
    return set(members.values_list("asset", flat=True))


def _keys(group: FoundGroup) -> list[int]:
    return [group.keeper, *(member.key for member in group.members)]
