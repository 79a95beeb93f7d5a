from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, ParamSpec, TypeVar

from django.db.models import BigIntegerField, Count, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from hashing.db.base_names import BaseNameKey, base_name_key
from hashing.db.bulk_insert import insert_rows
from hashing.db.paging import batches, rows_with_keys
from hashing.db.retry import retry_transient
from hashing.db.transactions import exclusive_transaction
from hashing.fingerprint.similarity import Match
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.models.duplicate_groups import DuplicateGroup, GroupMember
from hashing.models.image_asset import ImageAsset

P = ParamSpec("P")
T = TypeVar("T")

# Any number that no other program locks in the same database.
ADVISORY_LOCK = 0x1A6E5EA4C5

# The columns of a member that are found by comparing it with its keeper.
MEMBER_FIELDS = (*Match._fields, "is_same")
COUNT_FIELDS = ("size", "open_count", "open_bytes", "max_distance")
# The same counts in SQL, of the members of one group.
COUNTS = {
    "size": Count("pk"),
    "open_count": Count("pk", filter=Q(is_same=False)),
    "open_bytes": Coalesce(Sum("asset__file_size", filter=Q(is_same=False)), Value(0), output_field=BigIntegerField()),
    "max_distance": Max("distance"),
}


def groups_locked(using: str) -> AbstractContextManager[None]:
    """Return a transaction in which nobody else changes groups or decides about them."""
    return exclusive_transaction(using, ADVISORY_LOCK)


def with_groups_locked(using: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `work` while the groups are locked, and again after a deadlock or a lost connection."""

    def attempt() -> T:
        with groups_locked(using):
            return work(*args, **kwargs)

    return retry_transient(attempt, using)


class StoredMember(NamedTuple):
    pk: int
    asset_pk: int
    match: Match
    is_same: bool
    file_size: int | None


def member_fields(member: FoundMember | StoredMember) -> tuple[int, ...]:
    """Return the values of MEMBER_FIELDS."""
    return *map(int, member.match), member.is_same


def counts_of(members: Sequence[FoundMember] | Sequence[StoredMember]) -> tuple[int, int, int, int]:
    """Return the values of COUNT_FIELDS. A file of unknown size counts as empty."""
    open_sizes = [member.file_size or 0 for member in members if not member.is_same]
    distances = (member.match.distance for member in members)
    return len(members), len(open_sizes), sum(open_sizes), max(distances, default=0)


def insert_groups(found: Iterable[FoundGroup], using: str) -> None:
    """Insert new groups without the assets that cannot join one. The groups must be locked."""
    chosen = list(found)
    names = lock_available([key for each in chosen for key in (each.keeper, *(m.key for m in each.members))], using)
    members_of: dict[Any, list[FoundMember]] = {}
    for group in chosen:
        members = [member for member in group.members if member.key in names]
        if members and group.keeper in names:
            keeper = FoundMember(group.keeper, Match(0), is_same=True, file_size=0)
            members_of[group.keeper] = [keeper, *members]
    # The rows stay locked until the end of the transaction, so the counts are known in advance.
    created = DuplicateGroup.objects.using(using).bulk_create(
        DuplicateGroup(
            keeper_id=keeper,
            keeper_name=base_name_key(names[keeper]),
            **dict(zip(COUNT_FIELDS, counts_of(members), strict=True)),
        )
        for keeper, members in members_of.items()
    )
    placed = ((group.pk, place, each) for group in created for place, each in enumerate(members_of[group.keeper_id]))
    insert_members(placed, names, using)


def append_members(added: Mapping[int, Sequence[FoundMember]], using: str) -> None:
    """Add members at the end of existing groups, by the key of the group, and count these groups again.

    The groups must be locked. Groups that are gone and assets that cannot join one are left out.
    """
    groups = DuplicateGroup.objects.using(using).filter(pk__in=added).order_by("pk").select_for_update(of=("self",))
    existing = set(groups.values_list("pk", flat=True))
    names = lock_available([member.key for members in added.values() for member in members], using)
    rows = GroupMember.objects.using(using).filter(group__in=existing).order_by().values("group")
    ends = rows.annotate(last=Max("position")).values_list("group", "last")
    placed = ((pk, place, each) for pk, last in ends for place, each in enumerate(added[pk], start=last + 1))
    insert_members((each for each in placed if each[2].key in names), names, using)
    count_members(existing, using)


def insert_members(placed: Iterable[tuple[int, int, FoundMember]], names: Mapping[int, str], using: str) -> None:
    """Insert members, each with the key of its group and its position. `names` are those of the files, by asset."""
    rows = [(pk, each.key, position, names[each.key], *member_fields(each)) for pk, position, each in placed]
    insert_rows(GroupMember, ("group", "asset", "position", "name", *MEMBER_FIELDS), rows, using)


def lock_available(keys: Sequence[int], using: str) -> dict[int, str]:
    """Lock the assets that may join a group until the transaction ends, and return the names of their files by key.

    An asset in another group, one that was deleted, and one whose file was replaced since it was compared cannot.
    """
    is_known = Q(perceptual_hash__isnull=False) | Q(file_digest__isnull=False)
    rows = ImageAsset.objects.using(using).filter(is_known, membership__isnull=True)
    return dict(rows_with_keys(rows.select_for_update(of=("self",)), keys, ("image",)))


def find_renamed(using: str) -> set[int]:
    """Return the assets that are in groups under other names than those of their files."""
    of_member, of_keeper = stored_names(using)
    members = GroupMember.objects.using(using).exclude(name=of_member).values_list("asset", flat=True)
    keepers = DuplicateGroup.objects.using(using).exclude(keeper_name=of_keeper).values_list("keeper", flat=True)
    return {*members, *keepers}


def copy_names(using: str, keys: Iterable[int]) -> None:
    """Store the names of the files of these assets, where they are in groups under other names."""
    of_member, of_keeper = stored_names(using)
    for batch in batches(keys):
        members = GroupMember.objects.using(using).filter(asset__in=batch)
        groups = DuplicateGroup.objects.using(using).filter(keeper__in=batch)
        members.exclude(name=of_member).update(name=of_member)
        groups.exclude(keeper_name=of_keeper).update(keeper_name=of_keeper)


def stored_names(using: str) -> tuple[Subquery, Subquery]:
    """Return the name of the file of a member, and the base name of that of a keeper."""
    images = ImageAsset.objects.using(using).annotate(base_name=BaseNameKey("image"))
    of_member = Subquery(images.filter(pk=OuterRef("asset")).values("image")[:1])
    return of_member, Subquery(images.filter(pk=OuterRef("keeper")).values("base_name")[:1])


def remove_members(group_pk: int, assets: Iterable[int], using: str) -> set[int]:
    """Remove assets from a group, without counting it again. Return those that were in it."""
    removed = set[int]()
    for batch in batches(assets):
        members = GroupMember.objects.using(using).filter(group=group_pk, asset__in=batch)
        removed.update(members.values_list("asset", flat=True))
        delete_quietly(members)
    return removed


def remove_groups(pks: Collection[int], using: str) -> None:
    delete_quietly(GroupMember.objects.using(using).filter(group__in=pks))
    delete_quietly(DuplicateGroup.objects.using(using).filter(pk__in=pks))


def delete_quietly(rows: QuerySet[Any]) -> None:
    """Raw DELETE: no signals, no cascade.

    Private API of Django: the documented `delete()` would first read all rows, because this app listens for deleted
    members, and would then regroup for each of them.
    """
    rows._raw_delete(rows.db)  # noqa: SLF001


def count_members(pks: Iterable[int], using: str) -> None:
    """Update the counts of groups, and delete the groups with a single member."""
    for batch in batches(pks):
        members = GroupMember.objects.using(using).filter(group__in=batch).order_by().values("group")
        counts = members.annotate(**COUNTS)
        counted = [
            DuplicateGroup(pk=pk, **dict(zip(COUNT_FIELDS, values, strict=True)))
            for pk, *values in counts.values_list("group", *COUNT_FIELDS)
        ]
        DuplicateGroup.objects.using(using).bulk_update(counted, COUNT_FIELDS, batch_size=500)
        remove_groups(set(batch) - {group.pk for group in counted if group.size > 1}, using)
