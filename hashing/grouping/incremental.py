from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet

from django.db.models import Q, QuerySet

from hashing.db.expressions import HasKey
from hashing.db.paging import batches
from hashing.grouping.finder import FoundGroup, find_groups
from hashing.grouping.group_rows import append_members, copy_names, count_members, remove_members, with_groups_locked
from hashing.grouping.options import GroupingOptions
from hashing.grouping.pair_constraints import PairConstraints, read_constraints_around
from hashing.grouping.ranking import is_better, order_by_ranking
from hashing.grouping.store import store_groups
from hashing.grouping.versions import read_mixed_pairs
from hashing.models.duplicate_groups import DuplicateGroup, GroupMember
from hashing.models.image_asset import ImageAsset

# Groups of this size and above are updated in place instead of being rebuilt.
LARGE_GROUP = 1000
# Of an image that matches thousands of others, only the nearest are considered.
MAX_MATCHES = 1000
# Images that have left their groups are searched for in the whole table, up to this number; `find_duplicates` finds
# the groups of the others.
MAX_SEARCHED = 20


def update_groups(keys: Iterable[int], using: str, *, rehashed: bool = False) -> None:
    """Bring groups up to date with assets that were decided about, have lost their group, or were `rehashed`.

    Assets that were deleted may be among the `keys`. The whole table is searched for rehashed ones, and for assets that
    end up in no group, but not after decisions: these change no matches.
    """
    with_groups_locked(using, _update_groups, set(keys), using, rehashed=rehashed)


def _update_groups(keys: set[int], using: str, *, rehashed: bool) -> None:
    options = GroupingOptions.of_last_run(using)
    ungrouped = rebuild_groups(keys, keys if rehashed else set(), options, using)
    if ungrouped:
        existing = options.rows(using).filter(HasKey(ungrouped)).order_by("pk")
        searched = set(existing.values_list("pk", flat=True)[:MAX_SEARCHED])
        rebuild_groups(searched, searched, options, using)


def rebuild_groups(keys: set[int], rehashed: set[int], options: GroupingOptions, using: str) -> set[int]:
    """Cluster the groups around some assets again; for those of them that were `rehashed`, search the whole table.

    Return the assets that were in these groups or among the keys, are in no group now, and must be searched for. What
    matches a keeper is in its group or in that of a better image, unless it was kept out by one that leaves the group.
    """
    matching = keys.union(*(find_matching(key, options, using) for key in rehashed))
    own_groups = find_groups_of(keys, using)
    constraints = read_constraints_around(matching | keepers_of(own_groups), using)
    concerned = matching | constraints.must_link.keys()
    small, large, left = [], [], set[int]()
    for group in own_groups if concerned == keys else find_groups_of(concerned, using):
        if group.size < LARGE_GROUP or group.keeper_id in rehashed:
            small.append(group)
        elif group not in own_groups:
            large.append(group)
        else:
            # Rehashed members may join it again below, and those that cannot be compared with the keeper stay.
            mixed = read_mixed_pairs(rehashed | {group.keeper_id}, using) if rehashed else {}
            remove_members(group.pk, {key for key in rehashed if (group.keeper_id, key) not in mixed}, using)
            released = update_in_place(group, constraints, using)
            (small if released is None else large).append(group)
            left |= released or set()
    before = members_of(small, using)
    scope = before | (matching - members_of(large, using, among=matching))
    found = find_among(scope, options, using) if small or len(scope) > 1 else []
    store_groups(found, using, among=small)
    for group in large:
        add_to_large_group(rehashed, group, options, using)
    if own_groups and rehashed:
        copy_names(using, rehashed)
    grouped = {key for group in found for key in (group.keeper, *(member.key for member in group.members))}
    ungrouped = (left | before | (keys & scope)) - rehashed - grouped
    return ungrouped if constraints.excluded_from(before) - before else ungrouped - keepers_of(small)


def keepers_of(groups: Iterable[DuplicateGroup]) -> set[int]:
    return {group.keeper_id for group in groups}


def find_matching(key: int, options: GroupingOptions, using: str) -> list[int]:
    """Return the keys of the rows that match an asset, as a search through the whole table would, nearest first."""
    rows = options.rows(using)
    asset = rows.filter(pk=key).first()
    if asset is None:
        return []
    if options.exact_bytes:
        matches = rows.exclude(pk=key).filter(file_digest__isnull=False, file_digest=asset.file_digest)
    else:
        matches = rows.similar_to(asset, options.max_distance, any_orientation=options.any_orientation)
    return list(matches.values_list("pk", flat=True)[:MAX_MATCHES])


def find_among(keys: set[int], options: GroupingOptions, using: str) -> list[FoundGroup]:
    """Cluster some assets, and the must-link sets that these are in."""
    constraints = read_constraints_around(keys, using)
    return find_groups(options.rows(using), options, constraints, keys=keys | constraints.must_link.keys())


def find_groups_of(keys: Iterable[int], using: str) -> list[DuplicateGroup]:
    """Return the groups that some assets are in, in the order of their keys."""
    members = GroupMember.objects.using(using)
    groups = {pk for batch in batches(keys) for pk in members.filter(asset__in=batch).values_list("group", flat=True)}
    return list(DuplicateGroup.objects.using(using).filter(HasKey(groups)).order_by("pk")) if groups else []


def members_of(groups: Iterable[DuplicateGroup], using: str, among: Iterable[int] | None = None) -> set[int]:
    """Return the assets in these groups, or those of them that are `among` some."""
    members = GroupMember.objects.using(using).filter(group__in=list(groups))
    chosen = [members] if among is None else [members.filter(asset__in=batch) for batch in batches(among)]
    return {key for some in chosen for key in some.values_list("asset", flat=True)}


def update_in_place(group: DuplicateGroup, constraints: PairConstraints, using: str) -> set[int] | None:
    """Apply the decisions about the keeper of a large group. Return the assets that have left it.

    Return None if another image is the better one to keep: the group must be rebuilt.
    """
    keeper = group.keeper_id
    members = GroupMember.objects.using(using).filter(group=group.pk)
    same = {keeper, *constraints.must_link.get(keeper, ())}
    mark_same(members, {keeper} if keeper in constraints.lost else same)
    if keeper in constraints.marked - constraints.lost or has_better_keeper(group, using):
        return None
    different = constraints.excluded_from(same)
    # Their must-link sets leave together with them.
    leaving = different | read_constraints_around(different, using).must_link.keys()
    left = remove_members(group.pk, leaving - same, using)
    count_members([group.pk], using)
    return left


def mark_same(members: QuerySet[GroupMember], same: AbstractSet[int]) -> None:
    """Set `is_same` for these members, and for no others."""
    others = set(members.filter(is_same=True).values_list("asset", flat=True)) - same
    for batch in batches(others):
        members.filter(asset__in=batch).update(is_same=False)
    for batch in batches(same):
        members.filter(asset__in=batch, is_same=False).update(is_same=True)


def has_better_keeper(group: DuplicateGroup, using: str) -> bool:
    """Return whether an undecided image of the group is a better one to keep."""
    is_candidate = Q(membership__is_same=False) | Q(pk=group.keeper_id)
    rows = ImageAsset.objects.using(using).filter(is_candidate, membership__group=group.pk)
    best = order_by_ranking(rows).first()
    return best is not None and best.pk != group.keeper_id and is_better(best, group.keeper)


def add_to_large_group(keys: Collection[int], group: DuplicateGroup, options: GroupingOptions, using: str) -> None:
    """Append the ungrouped assets that match the keeper, unless a cannot-link to a member keeps them out."""
    grouped = GroupMember.objects.using(using).filter(asset__in=keys).values_list("asset", flat=True)
    rows = ImageAsset.objects.using(using).all()
    for key in sorted(set(keys).difference(grouped)):
        constraints = read_constraints_around({key}, using)
        excluded = constraints.excluded_from({key, *constraints.must_link})
        if GroupMember.objects.using(using).filter(group=group.pk, asset__in=excluded).exists():
            continue
        for pair in find_groups(rows, options, constraints, keys={key, group.keeper_id}):
            # The distance is the same, whichever of the two is the keeper of the pair.
            append_members({group.pk: [pair.members[0]._replace(key=key)]}, using)
