"""Signals that groups and decisions send to the site, and the receivers that keep groups up to date."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete

from hashing.db.paging import batches, rows_with_keys
from hashing.grouping.decision_log import Pair
from hashing.grouping.group_rows import count_members, with_groups_locked
from hashing.grouping.incremental import update_groups
from hashing.models.duplicate_groups import DuplicateGroup, GroupMember
from hashing.models.image_asset import ImageAsset
from hashing.models.pair_decisions import PairDecision
from hashing.signals import duplicates_found, files_replaced, pair_decided, send_after_commit


def last_member(using: str) -> int:
    """Return the key of the newest member of any group, for `announce_groups`."""
    newest = GroupMember.objects.using(using).order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def announce_groups(since: int, using: str) -> None:
    """Send `duplicates_found` for the groups that have members newer than this one."""
    newer = GroupMember.objects.using(using).filter(pk__gt=since)

    def found() -> Iterator[dict[str, Any]]:
        groups = DuplicateGroup.objects.using(using).filter(pk__in=newer.values("group")).order_by("pk")
        if groups.exists():
            yield {"groups": groups, "asset": None}

    send_after_commit(duplicates_found, DuplicateGroup, using, found)


def announce_upload(pk: int, using: str) -> None:
    """Send `duplicates_found` if an upload is in a group now."""

    def found() -> Iterator[dict[str, Any]]:
        groups = DuplicateGroup.objects.using(using).filter(members__asset=pk)
        asset = ImageAsset.objects.using(using).filter(pk=pk).first()
        if asset is not None and groups.exists():
            yield {"groups": groups, "asset": asset}

    send_after_commit(duplicates_found, DuplicateGroup, using, found)


def announce_decisions(pairs: Iterable[Pair], user_pk: int | None, using: str, *, is_undone: bool) -> None:
    """Send `pair_decided` for each of the pairs, with the decision in force after the commit."""
    if not pair_decided.has_listeners(PairDecision):
        return
    chosen = sorted(set(pairs))

    def decided() -> Iterator[dict[str, Any]]:
        user = None if user_pk is None else get_user_model()._default_manager.filter(pk=user_pk).first()
        for batch in batches(chosen):
            in_force = read_in_force(batch, using)
            for pair in batch:
                verdict, duplicate = in_force.get(pair, (None, None))
                decision = {"pair": pair, "verdict": verdict, "duplicate": duplicate}
                yield {**decision, "user": user, "is_undone": is_undone}

    send_after_commit(pair_decided, PairDecision, using, decided)


def read_in_force(pairs: Collection[Pair], using: str) -> dict[Pair, tuple[PairDecision.Verdict, int | None]]:
    """Return the verdict on each pair that has one, and the key of the duplicate."""
    wanted = set(pairs)
    decisions = PairDecision.objects.using(using).in_force().filter(lower__in={lower for lower, _higher in pairs})
    values = decisions.values_list("lower", "higher", "verdict", "duplicate")
    return {
        (lower, higher): (PairDecision.Verdict(verdict), duplicate)
        for lower, higher, verdict, duplicate in values.iterator()
        if (lower, higher) in wanted
    }


def follow_upload(pk: Any, using: str) -> None:
    """Let an asset whose file was hashed or replaced join the group it belongs to, and leave any other."""
    # Also where the storage has given it the name of the former file, it is not the one that was compared.
    GroupMember.objects.using(using).filter(asset=pk).update(name="")
    update_groups([pk], using, rehashed=True)
    announce_upload(pk, using)


def connect_groups() -> None:
    files_replaced.connect(end_decisions, dispatch_uid="hashing.grouping")
    post_delete.connect(follow_deletion, sender=GroupMember, dispatch_uid="hashing.grouping")


def end_decisions(sender: type[Model], *, keys: Collection[int], using: str, **_kwargs: Any) -> None:
    """End the decisions about replaced files, even where a new file has the name of the former one."""
    if issubclass(sender, ImageAsset):
        decisions = PairDecision.objects.using(using)
        for batch in batches(keys):
            decisions.filter(lower__in=batch).update(lower_file="")
            decisions.filter(higher__in=batch).update(higher_file="")


class DeletedMembers(threading.local):
    """The assets of the members that were deleted in a transaction, by database and by the key of their group.

    They include the members of a deleted keeper's group, whose assets still exist. What a rolled-back deletion leaves
    here does no harm the next time.
    """

    def __init__(self) -> None:
        self.by_database: defaultdict[str, defaultdict[int, set[int]]] = defaultdict(lambda: defaultdict(set))


deleted_members = DeletedMembers()


def follow_deletion(instance: GroupMember, using: str, **_kwargs: Any) -> None:
    """After the commit, update the groups of all that was deleted together. The deletion stands if that fails."""
    deleted_members.by_database[using][instance.group_id].add(instance.asset_id)

    # No partial(): see hashing.uploads.
    def update() -> None:
        if deleted := deleted_members.by_database.pop(using, None):
            with_groups_locked(using, update_after_deletion, deleted, using)

    transaction.on_commit(update, using=using, robust=True)


def update_after_deletion(deleted: Mapping[int, set[int]], using: str) -> None:
    groups = DuplicateGroup.objects.using(using).all()
    remaining = {pk for (pk,) in rows_with_keys(groups, deleted, ())}
    count_members(remaining, using)
    # Other members may have matched the keeper, or been the same as it, only through a deleted one.
    keepers = [keeper for _pk, keeper in rows_with_keys(groups, remaining, ("keeper",))]
    left = (key for pk, keys in deleted.items() if pk not in remaining for key in keys)
    update_groups({*keepers, *left}, using)
