"""Groups follow what happens to the rows: uploads, new files, deletions."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete

from hashing.grouping.announcements import announce_upload
from hashing.grouping.regroup import regroup
from hashing.grouping.store import count_groups, with_groups_locked
from hashing.models.duplicates import DuplicateGroup, GroupMember, PairDecision
from hashing.models.images import ImageAsset
from hashing.paging import batches
from hashing.signals import files_replaced


def watch_files() -> None:
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
