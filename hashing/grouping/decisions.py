"""What a person says about the pictures of a group, and how it is taken back.

A decision on a pair that was decided before replaces the former one, which comes back when the new one is taken back.
The marks never lead in a circle, and each picture has one at most: whoever is kept is marked as nobody's duplicate any
more. So of pictures that are the same, exactly one is never marked.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from uuid import UUID

from django.db import router
from django.db.models import Q
from django.utils.translation import gettext as _

from hashing.db.paging import batches
from hashing.grouping.conflicts import describe
from hashing.grouping.constraints import read_constraints_around
from hashing.grouping.incremental import regroup
from hashing.grouping.signals import announce_decisions
from hashing.grouping.store import with_groups_locked
from hashing.models.duplicates import DuplicateGroup, GroupMember, PairDecision, PairDecisionQuerySet
from hashing.models.image_asset import ImageAsset
from hashing.text import isolated

SAME, DIFFERENT = PairDecision.Verdict.SAME, PairDecision.Verdict.DIFFERENT
BATCH = 2000
# Pictures that are searched for when a decision is taken back; they may have left their group.
MOST_SEARCHED = 20


class DecisionRefused(ValueError):
    """The decision cannot be made any more; the message says why, for the person who wanted to."""


def decide_same(group: DuplicateGroup, asset_pk: int, user_pk: int, batch: UUID | None = None) -> UUID:
    """Mark the image as a duplicate of the keeper. Returns the key of the decision: `batch`, or a new one."""
    return with_groups_locked(_database(), _decide_same, group, asset_pk, user_pk, batch or uuid.uuid4())


def decide_different(group: DuplicateGroup, asset_pk: int, user_pk: int, batch: UUID | None = None) -> UUID:
    """Tell the image and the keeper apart: they never come up together again."""
    return with_groups_locked(_database(), _decide_different, group, asset_pk, user_pk, batch or uuid.uuid4())


def keep(group: DuplicateGroup, asset_pk: int, user_pk: int, batch: UUID | None = None) -> UUID:
    """Keep this image, and mark all others of the group as its duplicates.

    Nobody asks the storage for its file here, while the groups are locked: see `hashing.grouping.deletion`.
    """
    return with_groups_locked(_database(), _keep, group, asset_pk, user_pk, batch or uuid.uuid4())


def undo(batch: UUID, user_pk: int) -> list[int]:
    """Take back what this person decided together under the key `batch`. Returns the keys of the images.

    Raises `DecisionRefused` when it was taken back already, or when somebody has decided about them again since.
    """
    return with_groups_locked(_database(), _undo, batch, user_pk)


def _decide_same(group: DuplicateGroup, asset_pk: int, user_pk: int, key: UUID) -> UUID:
    using = _database()
    keeper = _keeper_of(group, asset_pk, using)
    _refuse_lost_keeper(keeper, using)
    _Batch(user_pk, using, key).mark(asset_pk, keeper)
    regroup(using=using, groups=[group.pk])
    announce_decisions(_changed_pairs(key, using), user_pk, using)
    return key


def _decide_different(group: DuplicateGroup, asset_pk: int, user_pk: int, key: UUID) -> UUID:
    using = _database()
    keeper = _keeper_of(group, asset_pk, using)
    _Batch(user_pk, using, key).separate(asset_pk, keeper)
    _refuse_contradiction([asset_pk, keeper], using)
    regroup(using=using, groups=[group.pk])
    announce_decisions(_changed_pairs(key, using), user_pk, using)
    return key


def _keep(group: DuplicateGroup, asset_pk: int, user_pk: int, key: UUID) -> UUID:
    using = _database()
    members = set(GroupMember.objects.using(using).filter(group=group.pk).values_list("asset", flat=True))
    if asset_pk not in members:
        raise DecisionRefused(_("This picture is no longer in this group."))
    _refuse_lost_keeper(asset_pk, using)
    _Batch(user_pk, using, key).keep(sorted(members - {asset_pk}), asset_pk)
    regroup(using=using, groups=[group.pk])
    announce_decisions(_changed_pairs(key, using), user_pk, using)
    return key


def _undo(batch: UUID, user_pk: int) -> list[int]:
    using = _database()
    decisions = PairDecision.objects.using(using)
    taken = decisions.filter(batch=batch, decided_by=user_pk)
    if not taken.exists():
        raise DecisionRefused(_("This was taken back already. Nothing was changed."))
    newer = decisions.filter(batch__in=taken.filter(superseded_by__isnull=False).values("superseded_by"))
    if last := newer.with_users().order_by("-pk").first():
        text = _("%(who)s decided about these pictures again on %(when)s, which comes first. Nothing was changed.")
        raise DecisionRefused(text % describe(last, user_pk))
    restored = decisions.filter(superseded_by=batch)
    announce_decisions(_changed_pairs(batch, using), user_pk, using, is_undone=True)
    keys = sorted({key for pair in taken.values_list("lower", "higher") for key in pair})
    taken.delete()
    again = {key for pair in restored.values_list("lower", "higher") for key in pair}
    restored.update(superseded_by=None)
    _refuse_contradiction(again, using)
    _regroup_undecided(keys, using)
    return keys


def _changed_pairs(batch: UUID, using: str) -> Iterator[tuple[int, int]]:
    """The pairs of which something else holds since they were decided together, or superseded."""
    changed = PairDecision.objects.using(using).filter(Q(batch=batch) | Q(superseded_by=batch))
    return changed.values_list("lower", "higher").iterator()


def _database() -> str:
    return router.db_for_write(PairDecision)


def delete_decisions(pairs: Collection[tuple[int, int]], using: str, user_pk: int | None = None) -> None:
    """Delete all decisions on these pairs, lower key first: no former decision comes back."""
    with_groups_locked(using, _forget, pairs, using, user_pk)


def _forget(pairs: Collection[tuple[int, int]], using: str, user_pk: int | None) -> None:
    announce_decisions(pairs, user_pk, using, is_undone=True)
    decisions = PairDecision.objects.using(using)
    for lowers in batches({lower for lower, _higher in pairs}):
        found = decisions.filter(lower__in=lowers).values_list("pk", "lower", "higher")
        said = [pk for pk, *pair in found if tuple(pair) in pairs]
        for batch in batches(said):
            decisions.filter(pk__in=batch).delete()
    keys = sorted({key for pair in pairs for key in pair})
    _regroup_undecided(keys, using, left=keys[MOST_SEARCHED:])


def _regroup_undecided(keys: list[int], using: str, left: Iterable[int] = ()) -> None:
    """`keys` are all pictures that a decision was about which is gone now."""
    members = GroupMember.objects.using(using)
    groups = {
        group for batch in batches(keys) for group in members.filter(asset__in=batch).values_list("group", flat=True)
    }
    regroup(keys[:MOST_SEARCHED], using, groups=groups, left=left)


def _refuse_lost_keeper(keeper: int, using: str) -> None:
    """Raises `DecisionRefused` when the row says that the file is missing or broken."""
    found = ImageAsset.objects.using(using).filter(pk=keeper).values_list("image", "hash_error").first()
    if found and found[1]:
        text = _("%(name)s cannot be kept: %(reason)s")
        raise DecisionRefused(text % {"name": isolated(found[0]), "reason": found[1]})


def _refuse_contradiction(keys: Iterable[int], using: str) -> None:
    """Raises `DecisionRefused` when pictures are the same by way of others, and are not the same."""
    verdicts = read_constraints_around(set(keys), using)
    if any(not others.isdisjoint(verdicts.must_link.get(key, ())) for key, others in verdicts.cannot_link.items()):
        raise DecisionRefused(_("By other decisions, these pictures are the same. Those come first."))


def _keeper_of(group: DuplicateGroup, asset_pk: int, using: str) -> int:
    """Raises `DecisionRefused` unless the picture is one of the group's, and not its keeper."""
    keeper = DuplicateGroup.objects.using(using).filter(pk=group.pk, members__asset=asset_pk)
    keeper_pk = keeper.values_list("keeper", flat=True).first()
    if keeper_pk is None:
        raise DecisionRefused(_("This picture is no longer in this group."))
    if keeper_pk == asset_pk:
        raise DecisionRefused(_("This picture is the keeper of its group."))
    return keeper_pk


class _Batch:
    """What one click decides."""

    def __init__(self, user_pk: int, using: str, key: UUID) -> None:
        self.key = key
        self._user_pk = user_pk
        self._decisions = PairDecision.objects.using(using)
        self._assets = ImageAsset.objects.using(using)

    def keep(self, duplicates: Collection[int], keeper: int) -> None:
        """Supersede earlier duplicate-of decisions."""
        decided = self._turned_round(keeper, duplicates) | {_pair(pk, keeper): pk for pk in duplicates}
        for batch in batches(duplicates):
            self._not_superseded().filter(duplicate__in=batch).update(superseded_by=self.key)
        self._record(decided)

    def mark(self, asset_pk: int, keeper: int) -> None:
        """With what was a duplicate of it, and what it was a duplicate of."""
        above = self._turned_round(keeper, {asset_pk})
        # The two may be duplicates of the same image, which is one of the keeper's now.
        turned = {key for pair in above for key in pair}
        above |= self._turned_round(asset_pk, {keeper, *turned})
        self._not_superseded().filter(duplicate=asset_pk).update(superseded_by=self.key)
        self._record(above | {_pair(asset_pk, keeper): asset_pk})

    def separate(self, asset_pk: int, keeper: int) -> None:
        self._record({_pair(asset_pk, keeper): None})

    def _turned_round(self, asset_pk: int, others: Collection[int]) -> dict[tuple[int, int], int | None]:
        """Reverse the duplicate-of chain from this image up to `others`."""
        turned: dict[tuple[int, int], int | None] = {}
        while (above := self._duplicate_of(asset_pk)) is not None and above not in others:
            turned[_pair(asset_pk, above)] = above
            asset_pk = above
        return turned

    def _duplicate_of(self, asset_pk: int) -> int | None:
        pair = self._decisions.in_force().filter(duplicate=asset_pk).values_list("lower", "higher").first()
        return None if pair is None else sum(pair) - asset_pk

    def _not_superseded(self) -> PairDecisionQuerySet:
        return self._decisions.filter(superseded_by__isnull=True)

    def _record(self, duplicate_of: dict[tuple[int, int], int | None]) -> None:
        """Of each pair, which one is the duplicate; None: they are not the same."""
        for pairs in batches(duplicate_of, BATCH):
            keys = {key for pair in pairs for key in pair}
            # Nobody deletes them, or gives them another file, before the decision is stored.
            assets = self._assets.filter(pk__in=keys).order_by("pk").select_for_update(of=("self",), no_key=True)
            names = dict(assets.values_list("pk", "image"))
            if len(names) < len(keys):
                raise DecisionRefused(_("A picture of this group was deleted meanwhile. Nothing was changed."))
            self._replace_former(set(pairs))
            self._decisions.bulk_create(self._decision(pair, duplicate_of[pair], names) for pair in pairs)

    def _replace_former(self, pairs: set[tuple[int, int]]) -> None:
        lowers, highers = ({pair[side] for pair in pairs} for side in (0, 1))
        decided = self._not_superseded().filter(lower__in=lowers, higher__in=highers)
        found = decided.values_list("pk", "lower", "higher").iterator()
        former = [pk for pk, lower, higher in found if (lower, higher) in pairs]
        for batch in batches(former):
            self._decisions.filter(pk__in=batch).update(superseded_by=self.key)

    def _decision(self, pair: tuple[int, int], duplicate: int | None, names: dict[int, str]) -> PairDecision:
        lower, higher = pair
        return PairDecision(
            lower_id=lower,
            higher_id=higher,
            verdict=DIFFERENT if duplicate is None else SAME,
            duplicate_id=duplicate,
            lower_file=names[lower],
            higher_file=names[higher],
            decided_by_id=self._user_pk,
            batch=self.key,
        )


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)
