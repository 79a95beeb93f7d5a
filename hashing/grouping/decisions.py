from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import router, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hashing.grouping.decision_log import DecisionBatch, DecisionRefused, Pair, describe, pair_of
from hashing.grouping.group_rows import with_groups_locked
from hashing.grouping.incremental import update_groups
from hashing.grouping.pair_constraints import read_constraints_around
from hashing.grouping.signals import announce_decisions
from hashing.log_events import LogEvent, log_event
from hashing.models.duplicate_groups import DuplicateGroup, GroupMember
from hashing.models.image_asset import ImageAsset
from hashing.models.pair_decisions import PairDecision
from hashing.text import isolated

logger = logging.getLogger(__name__)

# Pairs that one transaction takes back: it holds the groups lock for about a millisecond each.
MAX_UNDONE = 2000


def decide_same(group: DuplicateGroup, assets: Collection[int], user_pk: int, batch: UUID | None = None) -> UUID:
    """Mark images as duplicates of the keeper. Return the key of the decision: `batch`, or a new one."""

    def write(decisions: DecisionBatch) -> Change:
        keeper = find_keeper(group, assets, decisions.using)
        refuse_broken_keepers([keeper], decisions.using)
        decisions.mark(assets, keeper)
        return Change([*assets, keeper], decisions.changed_pairs())

    return decide(write, user_pk, batch)


def decide_different(group: DuplicateGroup, assets: Collection[int], user_pk: int, batch: UUID | None = None) -> UUID:
    """Record that the images are not the same as the keeper: they are never grouped with it again.

    Whether they are the same as one another stays open.
    """

    def write(decisions: DecisionBatch) -> Change:
        keeper = find_keeper(group, assets, decisions.using)
        decisions.separate([pair_of(pk, keeper) for pk in assets], PairDecision.Verdict.DIFFERENT)
        refuse_contradiction([*assets, keeper], decisions.using)
        return Change([*assets, keeper], decisions.changed_pairs())

    return decide(write, user_pk, batch)


def decide_related(group: DuplicateGroup, assets: Collection[int], user_pk: int, batch: UUID | None = None) -> UUID:
    """Record that the images and the keeper belong together: all stay, and no two of them are grouped again.

    Images that are the same as one another stay the same.
    """

    def write(decisions: DecisionBatch) -> Change:
        keeper = find_keeper(group, assets, decisions.using)
        same_as = read_constraints_around({*assets, keeper}, decisions.using).must_link
        pairs = combinations([keeper, *assets], 2)
        apart = [pair for pair in pairs if keeper in pair or pair[1] not in same_as.get(pair[0], ())]
        decisions.separate(apart, PairDecision.Verdict.RELATED)
        refuse_contradiction([*assets, keeper], decisions.using)
        return Change([*assets, keeper], decisions.changed_pairs())

    return decide(write, user_pk, batch)


def decide_related_to(asset: int, others: Collection[int], user_pk: int, batch: UUID | None = None) -> UUID:
    """Record that an image, which needs no group, and each of the others belong together.

    Whether the others are the same as one another stays open.
    """

    def write(decisions: DecisionBatch) -> Change:
        decisions.separate([pair_of(asset, pk) for pk in others], PairDecision.Verdict.RELATED)
        refuse_contradiction([asset, *others], decisions.using)
        return Change([asset, *others], decisions.changed_pairs())

    return decide(write, user_pk, batch)


def keep(
    group: DuplicateGroup,
    kept: Sequence[int],
    user_pk: int,
    batch: UUID | None = None,
    *,
    among: QuerySet[ImageAsset] | None = None,
) -> UUID:
    """Keep images, which belong together, and mark all others of the group as duplicates of the first of them.

    With `among`, only the others that are among these images. Whether the file of the first one exists must be checked
    before, with `file_problem`: here, the groups are locked.
    """

    def write(decisions: DecisionBatch) -> Change:
        members = GroupMember.objects.using(decisions.using).filter(group=group.pk)
        if among is not None:
            members = members.filter(asset__in=among.order_by().values("pk"))
        keys = set(members.values_list("asset", flat=True))
        if not keys.issuperset(kept):
            raise DecisionRefused(_("This image is no longer in this group."))
        refuse_broken_keepers(kept, decisions.using)
        others = sorted(keys.difference(kept))
        if len(kept) == 1:
            decisions.mark_all(others, kept[0])
            return Change(kept, decisions.changed_pairs())
        decisions.keep(kept, others)
        refuse_contradiction(kept, decisions.using)
        return Change(kept, decisions.changed_pairs())

    return decide(write, user_pk, batch)


def keep_in_groups(keeper_of: Mapping[int, int], user_pk: int, batch: UUID) -> None:
    """Mark images of any number of groups as duplicates of the keepers of these.

    None of them may be marked already, and the files of the keepers must have been checked.
    """

    def write(decisions: DecisionBatch) -> Change:
        decisions.mark_pairs(keeper_of)
        return Change([*keeper_of, *set(keeper_of.values())], (pair_of(*each) for each in keeper_of.items()))

    decide(write, user_pk, batch)


def undo(batch: UUID, user_pk: int) -> list[int]:
    """Take back what this user decided with one click. Return the keys of the assets concerned.

    Of a click that has superseded no earlier decisions, at most MAX_UNDONE pairs are taken back: call it again for the
    others. Raise `DecisionRefused` if nothing is left of it, or if one of the pairs was decided again since.
    """

    def write(decisions: DecisionBatch) -> Change:
        chosen = decisions.first_own(MAX_UNDONE)
        pairs = set(chosen.values_list("lower", "higher"))
        if not pairs:
            raise DecisionRefused(_("This was taken back already. Nothing was changed."))
        if later := decisions.superseding().with_users().order_by("-pk").first():
            text = _("%(who)s decided about these images again on %(when)s, which comes first. Nothing was changed.")
            raise DecisionRefused(text % describe(later, user_pk))
        restored = decisions.take_back(chosen)
        refuse_contradiction(keys_of(pairs | restored), decisions.using)
        return Change(keys_of(pairs | restored), pairs | restored)

    decisions = DecisionBatch(batch, user_pk, router.db_for_write(PairDecision))
    return change_decisions(write, decisions, is_undone=True)


def delete_decisions(pairs: Collection[Pair], using: str, user_pk: int | None = None) -> None:
    """Delete all decisions on these pairs. Decisions that they superseded are not restored."""

    def write(decisions: DecisionBatch) -> Change:
        decisions.delete_all(pairs)
        return Change(keys_of(pairs), pairs)

    change_decisions(write, DecisionBatch(uuid4(), user_pk, using), is_undone=True)


class Change(NamedTuple):
    """What a change of decisions concerns: the assets whose groups follow it, and the pairs to announce."""

    keys: Sequence[int]
    pairs: Iterable[Pair]


def decide(write: Callable[[DecisionBatch], Change], user_pk: int, batch: UUID | None) -> UUID:
    decisions = DecisionBatch(batch or uuid4(), user_pk, router.db_for_write(PairDecision))
    change_decisions(write, decisions, is_undone=False)
    return decisions.key


def change_decisions(
    write: Callable[[DecisionBatch], Change], decisions: DecisionBatch, *, is_undone: bool
) -> list[int]:
    """Write decisions, update the groups, announce the change: the one path by which decisions change.

    All of it is one transaction under the groups lock. Return the keys of the assets concerned.
    """

    def change() -> list[int]:
        keys, pairs = write(decisions)
        update_groups(keys, decisions.using)
        pairs = list(pairs)
        announce_decisions(pairs, decisions.user_pk, decisions.using, is_undone=is_undone)
        log_after_commit(len(pairs), decisions, is_undone=is_undone)
        return list(keys)

    return with_groups_locked(decisions.using, change)


def log_after_commit(count: int, decisions: DecisionBatch, *, is_undone: bool) -> None:
    key, user = str(decisions.key), decisions.user_pk

    def log() -> None:
        message = "Decisions about %d pairs are taken back" if is_undone else "Decisions about %d pairs are made"
        log_event(
            logger, LogEvent.PAIRS_DECIDED, message, count, decision=key, user=user, pairs=count, is_undone=is_undone
        )

    transaction.on_commit(log, using=decisions.using, robust=True)


def keys_of(pairs: Iterable[Pair]) -> list[int]:
    return sorted({key for pair in pairs for key in pair})


def find_keeper(group: DuplicateGroup, assets: Collection[int], using: str) -> int:
    """Return the keeper of the group. Raise `DecisionRefused` if an image is the keeper or not in the group."""
    members = GroupMember.objects.using(using).filter(group=group.pk, asset__in=assets)
    keepers = list(members.values_list("group__keeper", flat=True))
    if len(keepers) < len(assets):
        raise DecisionRefused(_("This image is no longer in this group."))
    if keepers[0] in assets:
        raise DecisionRefused(_("This image is the keeper of its group."))
    return keepers[0]


def refuse_broken_keepers(keepers: Collection[int], using: str) -> None:
    """Raise `DecisionRefused` if the file of one of these is known to be missing or broken."""
    rows = ImageAsset.objects.using(using).filter(pk__in=keepers).exclude(hash_error="")
    if found := rows.values_list("image", "hash_error").first():
        text = _("%(name)s cannot be kept: %(reason)s")
        raise DecisionRefused(text % {"name": isolated(found[0]), "reason": found[1]})


def refuse_contradiction(keys: Iterable[int], using: str) -> None:
    """Raise `DecisionRefused` if the decisions about assets contradict each other."""
    if read_constraints_around(set(keys), using).is_contradictory():
        raise DecisionRefused(_("This contradicts other decisions about these images. Undo those first."))
