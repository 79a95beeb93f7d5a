from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete

from hashing.db.paging import batches
from hashing.grouping.incremental import regroup
from hashing.grouping.store import count_groups, with_groups_locked
from hashing.models.duplicates import DuplicateGroup, GroupMember, PairDecision
from hashing.models.image_asset import ImageAsset
from hashing.signals import duplicates_found, files_replaced, pair_decided, send_after_commit

Pair = tuple[int, int]


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


def announce_decisions(pairs: Iterable[Pair], user_pk: int | None, using: str, *, is_undone: bool = False) -> None:
    """Send `pair_decided` for each of the pairs, with what holds of it after the commit."""
    if not pair_decided.has_listeners(PairDecision):
        return
    chosen = sorted(set(pairs))

    def decided() -> Iterator[dict[str, Any]]:
        users = get_user_model()._default_manager
        user = None if user_pk is None else users.filter(pk=user_pk).first()
        for batch in batches(chosen):
            decisions = _in_force(batch, using)
            for pair in batch:
                verdict, duplicate = decisions.get(pair, (None, None))
                known = {"pair": pair, "verdict": verdict, "duplicate": duplicate}
                yield {**known, "user": user, "is_undone": is_undone}

    send_after_commit(pair_decided, PairDecision, using, decided)


def _in_force(pairs: Collection[Pair], using: str) -> dict[Pair, tuple[PairDecision.Verdict, int | None]]:
    wanted = set(pairs)
    decisions = PairDecision.objects.using(using).in_force().filter(lower__in={lower for lower, _higher in pairs})
    values = decisions.values_list("lower", "higher", "verdict", "duplicate")
    return {
        (lower, higher): (PairDecision.Verdict(verdict), duplicate)
        for lower, higher, verdict, duplicate in values.iterator()
        if (lower, higher) in wanted
    }


def connect_groups() -> None:
    files_replaced.connect(end_decisions, dispatch_uid="hashing.grouping")
    post_delete.connect(_note_departure, sender=GroupMember, dispatch_uid="hashing.grouping")


def follow_upload(pk: Any, using: str) -> None:
    """Let an asset whose file was just hashed, or replaced, join the group that it belongs to, and leave any other."""
    regroup([pk], using)
    announce_upload(pk, using)


def end_decisions(sender: type[Model], *, keys: Collection[int], using: str, **_kwargs: Any) -> None:
    """Receiver of `files_replaced`: decisions were about the former files, even where the new ones have their names."""
    if issubclass(sender, ImageAsset):
        decisions = PairDecision.objects.using(using)
        for batch in batches(keys):
            decisions.filter(lower__in=batch).update(lower_file="")
            decisions.filter(higher__in=batch).update(higher_file="")


class _Departures(threading.local):
    """By database: the groups that a picture was deleted from, and the other pictures of groups that went with theirs.

    What a rolled-back deletion leaves in here is looked at in vain the next time, and does no harm.
    """

    def __init__(self) -> None:
        self.of: defaultdict[str, dict[int, set[int]]] = defaultdict(dict)


_departures = _Departures()


def _note_departure(instance: GroupMember, using: str, **_kwargs: Any) -> None:
    _departures.of[using].setdefault(instance.group_id, set()).add(instance.asset_id)

    # No partial(): see hashing.uploads. The deletion stands, whatever becomes of the groups.
    def follow() -> None:
        _follow_departures(using)

    transaction.on_commit(follow, using=using, robust=True)


def _follow_departures(using: str) -> None:
    if departed := _departures.of.pop(using, {}):
        with_groups_locked(using, _regroup_departed, departed, using)


def _regroup_departed(departed: dict[int, set[int]], using: str) -> None:
    left = set(DuplicateGroup.objects.using(using).filter(pk__in=departed).values_list("pk", flat=True))
    count_groups(left, using)
    # The keeper is still there. But what was the same as it, or matched it, by way of a deleted picture may not be.
    regroup(using=using, groups=left, left={key for pk, keys in departed.items() if pk not in left for key in keys})
