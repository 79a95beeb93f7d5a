from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hashing.db.paging import batches, pages_by_key
from hashing.fingerprint.similarity import Match
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.grouping.group_rows import (
    COUNT_FIELDS,
    MEMBER_FIELDS,
    StoredMember,
    append_members,
    counts_of,
    delete_quietly,
    insert_groups,
    member_fields,
    remove_groups,
    with_groups_locked,
)
from hashing.models.duplicate_groups import DuplicateGroup, GroupMember

# Images that are written in one transaction, at least; a new group is never split.
BATCH = 2000
# The columns of a `StoredMember`.
STORED_COLUMNS = ("pk", "asset", *MEMBER_FIELDS, "asset__file_size")


class Changes(NamedTuple):
    """How many stored groups were removed, changed and added."""

    removed: int
    changed: int
    added: int


def store_groups(
    found: Sequence[FoundGroup],
    using: str,
    among: Iterable[DuplicateGroup] | None = None,
    progress: Callable[[int], object] = lambda _percent: None,
) -> Changes:
    """Make the stored groups equal to those found, and write only what differs.

    A group is identified by its keeper: one that gains or loses an image keeps its key. `among` are the stored groups
    that may change or be removed, by default all. An asset that was deleted or lost its hash since it was compared is
    left out. After an interruption, the next call does the rest. `progress` is called with the percentage of the new
    groups that are written.
    """
    stored = {group.keeper_id: group.pk for group in among} if among is not None else read_keepers(using)
    wanted = {group.keeper: group for group in found}
    gone = [pk for keeper, pk in stored.items() if keeper not in wanted]
    for pks in batches(gone, BATCH):
        with_groups_locked(using, remove_groups, pks, using)
    kept = {pk: wanted[keeper] for keeper, pk in stored.items() if keeper in wanted}
    # An asset is in one group at most, so all that leave a group do so before any joins one.
    differences = [
        each
        for pks in batches(kept, BATCH)
        for each in with_groups_locked(using, drop_and_change, {pk: kept[pk] for pk in pks}, using)
    ]
    for some in batches(differences, BATCH):
        with_groups_locked(using, append_members, {each.pk: each.added for each in some}, using)
    new = [group for group in found if group.keeper not in stored]
    done = 0
    for batch in split_by_images(new):
        with_groups_locked(using, insert_groups, batch, using)
        done += len(batch)
        progress(100 * done // len(new))
    return Changes(len(gone), len(differences), len(new))


def read_keepers(using: str) -> dict[int, int]:
    """Return the keys of all stored groups by their keepers."""
    pages = pages_by_key(DuplicateGroup.objects.using(using).all(), ("keeper",), 10 * BATCH)
    return {keeper: pk for page in pages for pk, keeper in page}


@dataclass
class GroupDifference:
    """The members that a stored group must gain, change or lose.

    `is_miscounted`: its counts are not those of its members.
    """

    pk: int
    is_miscounted: bool = False
    added: list[FoundMember] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    changed: list[GroupMember] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.dropped or self.changed or self.is_miscounted)


def drop_and_change(wanted: Mapping[int, FoundGroup], using: str) -> list[GroupDifference]:
    """Write what stored groups lose and what differs in their members. Return the differences; nothing is added yet.

    `wanted` has the found group for the key of each stored one.
    """
    members = GroupMember.objects.using(using)
    differences = [each for each in compare_groups(wanted, using) if each]
    for keys in batches([key for each in differences for key in each.dropped], BATCH):
        delete_quietly(members.filter(pk__in=keys))
    members.bulk_update([row for each in differences for row in each.changed], MEMBER_FIELDS, batch_size=500)
    return differences


def compare_groups(wanted: Mapping[int, FoundGroup], using: str) -> Iterator[GroupDifference]:
    stored: dict[int, list[StoredMember]] = {pk: [] for pk in wanted}
    rows = GroupMember.objects.using(using).filter(group__in=wanted)
    for group_pk, pk, asset_pk, *match, is_same, size in rows.values_list("group", *STORED_COLUMNS).iterator():
        stored[group_pk].append(StoredMember(pk, asset_pk, Match(*match), is_same, size))
    groups = DuplicateGroup.objects.using(using).filter(pk__in=wanted)
    counts = {pk: tuple(values) for pk, *values in groups.values_list("pk", *COUNT_FIELDS)}
    for pk, group in wanted.items():
        difference = compare_members(pk, stored[pk], group)
        # A process that was killed after a deletion leaves wrong counts.
        difference.is_miscounted = pk in counts and counts[pk] != counts_of(stored[pk])
        yield difference


def compare_members(pk: int, stored: Sequence[StoredMember], wanted: FoundGroup) -> GroupDifference:
    missing = {member.key: member for member in wanted.members}
    result = GroupDifference(pk)
    for row in stored:
        member = missing.pop(row.asset_pk, None)
        if member is None and row.asset_pk != wanted.keeper:
            result.dropped.append(row.pk)
        elif member is not None and (values := member_fields(member)) != member_fields(row):
            result.changed.append(GroupMember(pk=row.pk, **dict(zip(MEMBER_FIELDS, values, strict=True))))
    result.added = list(missing.values())
    return result


def split_by_images(groups: Iterable[FoundGroup]) -> Iterator[list[FoundGroup]]:
    """Yield batches of whole groups with at least BATCH images each, except for the last."""
    batch: list[FoundGroup] = []
    images = 0
    for group in groups:
        batch.append(group)
        images += 1 + len(group.members)
        if images >= BATCH:
            yield batch
            batch, images = [], 0
    if batch:
        yield batch
