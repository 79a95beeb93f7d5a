from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _

from hashing.db.paging import batches
from hashing.models.duplicates import PairDecision, PairDecisionQuerySet
from hashing.models.image_asset import ImageAsset

# Keys of two assets, the lower one first.
Pair = tuple[int, int]

BATCH = 2000


class DecisionRefused(ValueError):
    """The decision is no longer possible. The message tells the editor why."""


def pair_of(one: int, other: int) -> Pair:
    return min(one, other), max(one, other)


class DecisionBatch:
    """The decisions of one click, and everything that writes decisions. The groups must be locked.

    Invariants: duplicate-of is a forest, in which an asset has one parent at most and a keeper has none, so exactly one
    asset of a must-link set is not marked. Each pair has one decision at most that is not superseded.
    """

    def __init__(self, key: UUID, user_pk: int | None, using: str) -> None:
        self.key = key
        self.user_pk = user_pk
        self.using = using
        self._decisions = PairDecision.objects.using(using)

    def mark(self, asset_pk: int, keeper: int) -> None:
        """Mark an asset as a duplicate of the keeper, and reverse the duplicate-of chains above both."""
        above = self._reversed_chain(keeper, {asset_pk})
        # Both may be duplicates of one image, which is a duplicate of the keeper now.
        above |= self._reversed_chain(asset_pk, {keeper, *(key for pair in above for key in pair)})
        self._record(above | {pair_of(asset_pk, keeper): asset_pk})

    def mark_all(self, assets: Collection[int], keeper: int) -> None:
        """Mark assets as duplicates of the keeper."""
        self._record(self._reversed_chain(keeper, assets) | {pair_of(pk, keeper): pk for pk in assets})

    def separate(self, asset_pk: int, keeper: int) -> None:
        """Record that the two are not the same."""
        self._record({pair_of(asset_pk, keeper): None})

    def take_back(self) -> set[Pair]:
        """Delete the decisions of this batch, and restore those that they superseded. Returns the restored pairs."""
        superseded = self._decisions.filter(superseded_by=self.key)
        restored = set(superseded.values_list("lower", "higher"))
        self.own().delete()
        superseded.update(superseded_by=None)
        return restored

    def delete_all(self, pairs: Iterable[Pair]) -> None:
        """Delete all decisions on these pairs, also the superseded ones."""
        for some in batches(pairs, BATCH):
            for decisions in self._find(some, self._decisions.all()):
                decisions.delete()

    def own(self) -> PairDecisionQuerySet:
        """Return the decisions of this batch, if this user made it."""
        return self._decisions.filter(batch=self.key, decided_by=self.user_pk)

    def superseding(self) -> PairDecisionQuerySet:
        """Return the later decisions that superseded one of this batch."""
        later = self.own().filter(superseded_by__isnull=False).values("superseded_by")
        return self._decisions.filter(batch__in=later)

    def changed_pairs(self) -> Iterator[Pair]:
        """Yield the pairs that this batch decided, or whose decisions it superseded."""
        changed = self._decisions.filter(Q(batch=self.key) | Q(superseded_by=self.key))
        return changed.values_list("lower", "higher").iterator()

    def _reversed_chain(self, asset_pk: int, others: Collection[int]) -> dict[Pair, int | None]:
        """Reverse the duplicate-of chain from this asset up to `others`."""
        turned: dict[Pair, int | None] = {}
        while (parent := self._parent(asset_pk)) is not None and parent not in others:
            turned[pair_of(asset_pk, parent)] = parent
            asset_pk = parent
        return turned

    def _parent(self, asset_pk: int) -> int | None:
        pair = self._decisions.in_force().filter(duplicate=asset_pk).values_list("lower", "higher").first()
        return None if pair is None else sum(pair) - asset_pk

    def _record(self, duplicate_of: Mapping[Pair, int | None]) -> None:
        """Record which one of each pair is the duplicate, None if they are not the same.

        Supersedes the earlier decisions on these pairs, and those that mark one of the duplicates: it has one parent.
        Raises `DecisionRefused` if one of the assets was deleted.
        """
        for marked in batches({pk for pk in duplicate_of.values() if pk is not None}):
            self._decisions.not_superseded().filter(duplicate__in=marked).update(superseded_by=self.key)
        for pairs in batches(duplicate_of, BATCH):
            keys = {key for pair in pairs for key in pair}
            # Until the decision is stored, nobody deletes them or replaces their files.
            assets = ImageAsset.objects.using(self.using).filter(pk__in=keys).order_by("pk")
            names = dict(assets.select_for_update(of=("self",), no_key=True).values_list("pk", "image"))
            if len(names) < len(keys):
                raise DecisionRefused(_("An image of this group was deleted in the meantime. Nothing was changed."))
            for earlier in self._find(pairs, self._decisions.not_superseded()):
                earlier.update(superseded_by=self.key)
            self._decisions.bulk_create(self._decision(pair, duplicate_of[pair], names) for pair in pairs)

    def _find(self, pairs: Collection[Pair], decisions: PairDecisionQuerySet) -> Iterator[PairDecisionQuerySet]:
        """Yield the `decisions` on these pairs, of which there are BATCH at most."""
        lowers, highers = ({pair[side] for pair in pairs} for side in (0, 1))
        found = decisions.filter(lower__in=lowers, higher__in=highers).values_list("pk", "lower", "higher")
        wanted = set(pairs)
        for keys in batches([pk for pk, lower, higher in found.iterator() if (lower, higher) in wanted]):
            yield self._decisions.filter(pk__in=keys)

    def _decision(self, pair: Pair, duplicate: int | None, names: Mapping[int, str]) -> PairDecision:
        lower, higher = pair
        return PairDecision(
            lower_id=lower,
            higher_id=higher,
            verdict=PairDecision.Verdict.DIFFERENT if duplicate is None else PairDecision.Verdict.SAME,
            duplicate_id=duplicate,
            lower_file=names[lower],
            higher_file=names[higher],
            decided_by_id=self.user_pk,
            batch=self.key,
        )


def newest_decision(using: str) -> int:
    """Return the highest key of a decision, 0 without any. Later decisions have higher keys."""
    return PairDecision.objects.using(using).order_by("-pk").values_list("pk", flat=True).first() or 0


def decided_since(newest: int, about: Q, using: str) -> PairDecision | None:
    """Return the last decision `about` something that is newer than the key `newest` and not superseded."""
    since = PairDecision.objects.using(using).not_superseded().filter(about, pk__gt=newest)
    return since.with_users().order_by("-pk").first()


def about_images(one: int, other: int) -> Q:
    """Match decisions on this pair, and those that mark one of the two as a duplicate of a third image."""
    lower, higher = pair_of(one, other)
    return Q(lower=lower, higher=higher) | Q(duplicate__in=(one, other))


def describe(decision: PairDecision, user_pk: Any) -> dict[str, str]:
    """Return `who` decided and `when`, for a message to this user."""
    user = decision.decided_by
    who = _("You") if decision.decided_by_id == user_pk else user.get_username() if user else _("Somebody")
    moment = localtime(decision.decided_at) if is_aware(decision.decided_at) else decision.decided_at
    return {"who": str(who), "when": date_format(moment, "SHORT_DATETIME_FORMAT")}
