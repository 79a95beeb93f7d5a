"""From groups to rows: what is the same stays as it is.

Groups are known by their keepers, so a group that only gains or loses a picture keeps its key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from django.db.models import Count, Max, Q, QuerySet

from hashing.db.bulk_insert import insert_rows
from hashing.db.paging import batches, pages_by_key, rows_with_keys
from hashing.db.retry import retry_transient
from hashing.db.transactions import exclusive_transaction
from hashing.fingerprint.orientations import Orientation
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.models.duplicates import DuplicateGroup, GroupMember
from hashing.models.image_asset import ImageAsset

T = TypeVar("T")

# Pictures that are written in one transaction, at least; new groups are never split.
BATCH = 2000
# Any number will do that no other program locks in the same database.
ADVISORY_LOCK = 0x1A6E5EA4C5

FACTS = ("distance", "orientation", "is_same")
NUMBERS = ("pk", "size", "open_count", "max_distance")


class Changes(NamedTuple):
    """Numbers of groups."""

    removed: int
    changed: int
    added: int


def groups_locked(using: str) -> AbstractContextManager[None]:
    """A transaction in which nobody else makes groups or decides about them."""
    return exclusive_transaction(using, ADVISORY_LOCK)


def with_groups_locked(using: str, work: Callable[..., T], *arguments: Any) -> T:
    """Call `work` in a transaction of its own while nobody else makes groups, again if that loses to another one."""

    def attempt() -> T:
        with groups_locked(using):
            return work(*arguments)

    return retry_transient(attempt, using)


def store_groups(
    found: Sequence[FoundGroup],
    using: str,
    among: Iterable[DuplicateGroup] | None = None,
    progress: Callable[[int], object] = lambda _per_cent: None,
) -> Changes:
    """Make the stored groups equal to those found.

    `among` are the stored ones that may change or go; by default all. A row that was deleted or lost its hash since
    it was compared is left out. Run again after it was interrupted, it does what is left.
    `progress` is told how many per cent of the new groups are written.
    """
    stored = {group.keeper_id: group.pk for group in among} if among is not None else _all_stored(using)
    wanted = {group.keeper: group for group in found}
    gone = [pk for keeper, pk in stored.items() if keeper not in wanted]
    for pks in batches(gone, BATCH):
        with_groups_locked(using, _remove, pks, using)
    # Pictures leave their groups before any joins one: it can be in one group only.
    kept = {pk: wanted[keeper] for keeper, pk in stored.items() if keeper in wanted}
    differences = [
        each for pks in batches(kept, BATCH) for each in with_groups_locked(using, _take_away, pks, kept, using)
    ]
    for some in batches(differences, BATCH):
        with_groups_locked(using, _extend, {each.pk: each.added for each in some}, using)
    new = [group for group in found if group.keeper not in stored]
    done = 0
    for batch in _by_pictures(new):
        with_groups_locked(using, _create, batch, using)
        done += len(batch)
        progress(100 * done // len(new))
    return Changes(len(gone), len(differences), len(new))


def add_member(group: DuplicateGroup, member: FoundMember, using: str) -> None:
    """Add a picture at the end of a group. The groups must be locked."""
    _extend({group.pk: [member]}, using)


def count_groups(pks: Collection[int], using: str) -> None:
    """Bring the numbers of these groups up to date, and remove the ones in which nobody has company."""
    groups = DuplicateGroup.objects.using(using)
    members = GroupMember.objects.using(using).filter(group__in=pks).order_by().values("group")
    counts = members.annotate(
        size=Count("pk"), open_count=Count("pk", filter=Q(is_same=False)), max_distance=Max("distance")
    )
    counted = [
        DuplicateGroup(pk=pk, size=size, open_count=open_count, max_distance=distance)
        for pk, size, open_count, distance in counts.values_list("group", "size", "open_count", "max_distance")
    ]
    groups.bulk_update(counted, ["size", "open_count", "max_distance"], batch_size=500)
    _remove(list(set(pks) - {group.pk for group in counted if group.size > 1}), using)


class _StoredMember(NamedTuple):
    pk: int
    asset_pk: int
    # FACTS
    distance: int
    orientation: int
    is_same: bool


@dataclass
class _Difference:
    """What a stored group lacks, and what it must lose. `is_miscounted`: its numbers are not those of its members."""

    pk: int
    is_miscounted: bool = False
    added: list[FoundMember] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    changed: list[GroupMember] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.dropped or self.changed or self.is_miscounted)


def _all_stored(using: str) -> dict[int, int]:
    pages = pages_by_key(DuplicateGroup.objects.using(using).all(), ("keeper",), 10 * BATCH)
    return {keeper: pk for page in pages for pk, keeper in page}


def _remove(pks: Sequence[int], using: str) -> None:
    delete_quietly(GroupMember.objects.filter(group__in=pks), using)
    delete_quietly(DuplicateGroup.objects.filter(pk__in=pks), using)


def delete_quietly(rows: QuerySet[Any], using: str) -> None:
    """Past the signals, which would make groups anew, and without reading a row that is in nobody's way."""
    rows._raw_delete(using)  # noqa: SLF001


def _take_away(pks: Sequence[int], wanted: dict[int, FoundGroup], using: str) -> list[_Difference]:
    members = GroupMember.objects.using(using)
    stored: dict[int, list[_StoredMember]] = {pk: [] for pk in pks}
    for group_pk, *values in members.filter(group__in=pks).values_list("group", "pk", "asset", *FACTS).iterator():
        stored[group_pk].append(_StoredMember(*values))
    # A process that was killed after a deletion has left the numbers as they were.
    numbers = DuplicateGroup.objects.using(using).filter(pk__in=pks).values_list(*NUMBERS)
    miscounted = {pk for pk, *counts in numbers if tuple(counts) != _count(stored[pk])}
    differences = [each for pk in pks if (each := _difference(pk, stored[pk], wanted[pk], pk in miscounted))]
    for keys in batches([key for each in differences for key in each.dropped], BATCH):
        delete_quietly(members.filter(pk__in=keys), using)
    members.bulk_update([row for each in differences for row in each.changed], FACTS, batch_size=500)
    return differences


def _count(members: Sequence[_StoredMember]) -> tuple[int, int, int]:
    distances = (member.distance for member in members)
    return len(members), sum(not member.is_same for member in members), max(distances, default=0)


def _difference(
    pk: int,
    stored: Sequence[_StoredMember],
    wanted: FoundGroup,
    is_miscounted: bool,  # noqa: FBT001
) -> _Difference:
    found = {member.key: member for member in wanted.members}
    result = _Difference(pk, is_miscounted)
    for row in stored:
        member = found.pop(row.asset_pk, None)
        if member is None and row.asset_pk != wanted.keeper:
            result.dropped.append(row.pk)
        elif member is not None and (facts := _facts(member)) != row[2:]:
            result.changed.append(GroupMember(pk=row.pk, **dict(zip(FACTS, facts, strict=True))))
    result.added = list(found.values())
    return result


def _create(batch: Sequence[FoundGroup], using: str) -> None:
    """The rows stay as they are until the transaction ends, so the numbers of the groups are known beforehand."""
    present = _present([key for group in batch for key in (group.keeper, *(each.key for each in group.members))], using)
    whole = {}
    for group in batch:
        members = [each for each in group.members if each.key in present]
        if members and group.keeper in present:
            whole[group.keeper] = [_keeper(group), *members]
    made = DuplicateGroup.objects.using(using).bulk_create(_counted(*each) for each in whole.items())
    _insert_members(
        ((group.pk, place, each) for group in made for place, each in enumerate(whole[group.keeper_id])), using
    )


def _counted(keeper: Any, members: Sequence[FoundMember]) -> DuplicateGroup:
    return DuplicateGroup(
        keeper_id=keeper,
        size=len(members),
        open_count=sum(not each.is_same for each in members),
        max_distance=max(each.distance for each in members),
    )


def _extend(added: Mapping[int, list[FoundMember]], using: str) -> None:
    """Add pictures at the ends of groups, as far as these are still there, and bring all their numbers up to date."""
    # Other members may have joined, and the group may be gone, since anybody has looked.
    groups = DuplicateGroup.objects.using(using).filter(pk__in=added).order_by("pk").select_for_update(of=("self",))
    present = set(groups.values_list("pk", flat=True))
    members = GroupMember.objects.using(using).filter(group__in=present).order_by().values("group")
    ends = members.annotate(last=Max("position")).values_list("group", "last")
    _add_members(((pk, last + 1, added[pk]) for pk, last in ends), using)
    count_groups(present, using)


def _add_members(wanted: Iterable[tuple[int, int, list[FoundMember]]], using: str) -> None:
    """To groups, from a position on."""
    chosen = [
        (pk, place, member) for pk, position, members in wanted for place, member in enumerate(members, start=position)
    ]
    present = _present([member.key for _pk, _place, member in chosen], using)
    _insert_members((each for each in chosen if each[2].key in present), using)


def _insert_members(placed: Iterable[tuple[int, int, FoundMember]], using: str) -> None:
    """Each with the key of its group and its position."""
    rows = [(pk, member.key, place, *_facts(member)) for pk, place, member in placed]
    insert_rows(GroupMember, ("group", "asset", "position", *FACTS), rows, using)


def _keeper(group: FoundGroup) -> FoundMember:
    return FoundMember(group.keeper, 0, Orientation.UPRIGHT, is_same=True, file_size=0)


def _facts(member: FoundMember) -> tuple[int, int, bool]:
    """The values of FACTS."""
    return member.distance, int(member.orientation), member.is_same


def _present(keys: Sequence[int], using: str) -> set[int]:
    """Those whose file is still the hashed one, and that are in no group. They stay until this transaction ends."""
    is_known = Q(perceptual_hash__isnull=False) | Q(file_digest__isnull=False)
    rows = ImageAsset.objects.using(using).filter(is_known, membership__isnull=True)
    return {key for (key,) in rows_with_keys(rows.select_for_update(of=("self",)), keys, ())}


def _by_pictures(groups: Iterable[FoundGroup]) -> Iterator[list[FoundGroup]]:
    batch: list[FoundGroup] = []
    pictures = 0
    for group in groups:
        batch.append(group)
        pictures += 1 + len(group.members)
        if pictures >= BATCH:
            yield batch
            batch, pictures = [], 0
    if batch:
        yield batch
