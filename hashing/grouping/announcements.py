"""Tell the site what was found and decided, through `hashing.signals`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model

from hashing.models.duplicates import DuplicateGroup, GroupMember, PairDecision
from hashing.models.images import ImageAsset
from hashing.paging import batches
from hashing.signals import duplicates_found, pair_decided, send_after_commit

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
    decisions = PairDecision.objects.using(using).current().filter(lower__in={lower for lower, _higher in pairs})
    values = decisions.values_list("lower", "higher", "verdict", "duplicate")
    return {
        (lower, higher): (PairDecision.Verdict(verdict), duplicate)
        for lower, higher, verdict, duplicate in values.iterator()
        if (lower, higher) in wanted
    }
