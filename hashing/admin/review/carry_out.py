"""Decide, take back, and write both into the history, in one transaction."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import router
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from hashing.admin.review import outcomes
from hashing.admin.review.decision_log import record_decision
from hashing.admin.review.shown_groups import ON_LIST
from hashing.admin.review.wishes import KEEP, SAME, Wish
from hashing.grouping.decisions import DecisionRefused, undo_last
from hashing.grouping.store import groups_locked
from hashing.models import DuplicateGroup, ImageAsset, PairDecision


class Done(NamedTuple):
    """`keys` are pictures whose groups may be others now; of a large group, the first ones."""

    message: str
    keys: list[int]


def carry_out(wish: Wish, rows: QuerySet[DuplicateGroup], user_pk: Any) -> Done:
    """Raises `DecisionRefused`; nothing is changed then."""
    with groups_locked(router.db_for_write(PairDecision)):
        group = rows.filter(keeper=wish.keeper_pk, members__asset=wish.asset_pk).first()
        if group is None:
            raise DecisionRefused(_("This picture is not in this group any more. Nothing was changed."))
        seen = _seen(group, wish)
        wish.carry_out(group, user_pk)
        return Done(_record(wish, group.size, seen, user_pk), list(seen))


def take_back(user_pk: Any) -> Done:
    """What this person decided last. Raises `DecisionRefused`; nothing is changed then."""
    with groups_locked(router.db_for_write(PairDecision)):
        keys = undo_last(user_pk)
        if not keys:
            return Done(_("There is nothing to take back."), [])
        message = _("The last decision was taken back.")
        record_decision(user_pk, ImageAsset.objects.filter(pk__in=keys[:ON_LIST]), message)
        return Done(message, keys)


def _seen(group: DuplicateGroup, wish: Wish) -> dict[int, ImageAsset]:
    """The first pictures of the group and the one in question, by key: never a whole large group."""
    chosen = group.members.filter(Q(position__lt=ON_LIST) | Q(asset=wish.asset_pk))
    return {member.asset_id: member.asset for member in chosen.select_related("asset").order_by("position")}


def _record(wish: Wish, size: int, seen: dict[int, ImageAsset], user_pk: Any) -> str:
    """Returns what has been done, in words."""
    asset, keeper = seen[wish.asset_pk], seen[wish.keeper_pk]
    if wish.verdict == KEEP:
        return _record_kept(asset, size, seen, user_pk)
    message = outcomes.same(asset, keeper) if wish.verdict == SAME else outcomes.different(asset, keeper)
    record_decision(user_pk, [asset, keeper], message)
    return message


def _record_kept(asset: ImageAsset, size: int, seen: dict[int, ImageAsset], user_pk: Any) -> str:
    """Of a large group, the history of the keeper alone tells."""
    message = outcomes.kept(asset, size - 1)
    record_decision(user_pk, [asset], message)
    for other in seen.values() if size <= ON_LIST else ():
        if other != asset:
            record_decision(user_pk, [other], outcomes.same(other, asset))
    return message
