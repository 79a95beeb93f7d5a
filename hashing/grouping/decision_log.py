from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import combinations
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _

from hashing.db.paging import batches
from hashing.models.image_asset import ImageAsset
from hashing.models.pair_decisions import PairDecision, PairDecisionQuerySet

# Keys of two assets, the lower one first.
Pair = tuple[int, int]

Verdict = PairDecision.Verdict

BATCH = 2000


class DecisionRefused(ValueError):
    """The decision is no longer possible. The message tells the editor why."""


def pair_of(one: int, other: int) -> Pair:
    return min(one, other), max(one, other)


class PairVerdict(NamedTuple):
    """What is decided about a pair. `duplicate` is the one that is not kept if both are the same."""

    verdict: PairDecision.Verdict
    duplicate: int | None = None


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

    def mark(self, assets: Collection[int], keeper: int) -> None:
        """Mark assets as duplicates of the keeper, and reverse the duplicate-of chains above all of them."""
        ends = {keeper, *assets}
        above = self._reversed_chain(keeper, ends)
        for asset_pk in assets:
            # Several may be duplicates of one image, which is a duplicate of the first of them now.
            above |= self._reversed_chain(asset_pk, ends.union(*above))
        self._record(duplicates(above) | marks_of(assets, keeper))

    def mark_all(self, assets: Collection[int], keeper: int) -> None:
        """Mark assets as duplicates of the keeper, with all images that they are marked as duplicates of."""
        self._record(duplicates(self._reversed_chain(keeper, assets)) | marks_of(assets, keeper))

    def mark_pairs(self, keeper_of: Mapping[int, int]) -> None:
        """Mark each asset as a duplicate of its keeper. None of all these may be marked already."""
        self._record(duplicates({pair_of(pk, keeper): pk for pk, keeper in keeper_of.items()}))

    def keep(self, kept: Collection[int], others: Collection[int]) -> None:
        """Keep several assets, which belong together, and mark the others as duplicates of the first of them."""
        first, *_rest = kept
        above: dict[Pair, int] = {}
        for asset_pk in kept:
            above |= self._reversed_chain(asset_pk, {*kept, *others}.union(*above))
        together = pairs_with(Verdict.RELATED, combinations(kept, 2))
        self._record(duplicates(above) | marks_of(others, first) | together, unmarked=kept)

    def separate(self, pairs: Iterable[Pair], verdict: PairDecision.Verdict) -> None:
        """Record for each of the pairs that its images are not the same."""
        self._record(pairs_with(verdict, pairs))

    def first_own(self, limit: int) -> PairDecisionQuerySet:
        """Return the first decisions of this batch. One that superseded others has no parts: all are returned then."""
        if self._decisions.filter(superseded_by=self.key).exists():
            return self.own()
        keys = self.own().order_by("pk").values_list("pk", flat=True)[:limit]
        return self.own().filter(pk__in=list(keys))

    def take_back(self, chosen: PairDecisionQuerySet) -> set[Pair]:
        """Delete these decisions of this batch, and restore those that it superseded. Return the restored pairs."""
        superseded = self._decisions.filter(superseded_by=self.key)
        restored = set(superseded.values_list("lower", "higher"))
        chosen.delete()
        superseded.update(superseded_by=None)
        return restored

    def delete_all(self, pairs: Iterable[Pair]) -> None:
        """Delete all decisions on these pairs, also the superseded ones."""
        for some in batches(pairs, BATCH):
            for decisions in self._find(some, self._decisions.all()):
                decisions.delete()

    def own(self) -> PairDecisionQuerySet:
        """Return the decisions of this batch on images that still exist, if this user made it."""
        return self._decisions.filter(batch=self.key, decided_by=self.user_pk).with_images()

    def superseding(self) -> PairDecisionQuerySet:
        """Return the later decisions that superseded one of this batch."""
        later = self.own().filter(superseded_by__isnull=False).values("superseded_by")
        return self._decisions.filter(batch__in=later)

    def changed_pairs(self) -> Iterator[Pair]:
        """Yield the pairs that this batch decided, or whose decisions it superseded."""
        changed = self._decisions.filter(Q(batch=self.key) | Q(superseded_by=self.key))
        return changed.values_list("lower", "higher").iterator()

    def _reversed_chain(self, asset_pk: int, others: Collection[int]) -> dict[Pair, int]:
        """Reverse the duplicate-of chain from this asset up to `others`. Return the duplicate of each pair."""
        turned: dict[Pair, int] = {}
        while (parent := self._parent(asset_pk)) is not None and parent not in others:
            turned[pair_of(asset_pk, parent)] = parent
            asset_pk = parent
        return turned

    def _parent(self, asset_pk: int) -> int | None:
        pair = self._decisions.in_force().filter(duplicate=asset_pk).values_list("lower", "higher").first()
        return None if pair is None else sum(pair) - asset_pk

    def _record(self, verdicts: Mapping[Pair, PairVerdict], unmarked: Iterable[int] = ()) -> None:
        """Record a verdict on each pair.

        Supersedes the earlier decisions on these pairs, and those that mark one of the duplicates, each of which has
        one parent, or one of the `unmarked`. Raise `DecisionRefused` if one of the assets was deleted.
        """
        for marked in batches(
            {*unmarked, *(each.duplicate for each in verdicts.values() if each.duplicate is not None)}
        ):
            self._decisions.not_superseded().filter(duplicate__in=marked).update(superseded_by=self.key)
        for pairs in batches(verdicts, BATCH):
            keys = {key for pair in pairs for key in pair}
            # Until the decision is stored, nobody deletes them or replaces their files.
            assets = ImageAsset.objects.using(self.using).filter(pk__in=keys).order_by("pk")
            names = dict(assets.select_for_update(of=("self",), no_key=True).values_list("pk", "image"))
            if len(names) < len(keys):
                raise DecisionRefused(_("An image of this group was deleted in the meantime. Nothing was changed."))
            for earlier in self._find(pairs, self._decisions.not_superseded()):
                earlier.update(superseded_by=self.key)
            self._decisions.bulk_create(self._decision(pair, verdicts[pair], names) for pair in pairs)

    def _find(self, pairs: Collection[Pair], decisions: PairDecisionQuerySet) -> Iterator[PairDecisionQuerySet]:
        """Yield the `decisions` on these pairs, of which there are BATCH at most."""
        lowers, highers = ({pair[side] for pair in pairs} for side in (0, 1))
        found = decisions.filter(lower__in=lowers, higher__in=highers).values_list("pk", "lower", "higher")
        wanted = set(pairs)
        for keys in batches([pk for pk, lower, higher in found.iterator() if (lower, higher) in wanted]):
            yield self._decisions.filter(pk__in=keys)

    def _decision(self, pair: Pair, decided: PairVerdict, names: Mapping[int, str]) -> PairDecision:
        lower, higher = pair
        return PairDecision(
            lower_id=lower,
            higher_id=higher,
            verdict=decided.verdict,
            duplicate_id=decided.duplicate,
            lower_file=names[lower],
            higher_file=names[higher],
            decided_by_id=self.user_pk,
            batch=self.key,
        )


def duplicates(duplicate_of: Mapping[Pair, int]) -> dict[Pair, PairVerdict]:
    return {pair: PairVerdict(Verdict.SAME, duplicate) for pair, duplicate in duplicate_of.items()}


def marks_of(assets: Iterable[int], keeper: int) -> dict[Pair, PairVerdict]:
    return duplicates({pair_of(pk, keeper): pk for pk in assets})


def pairs_with(verdict: PairDecision.Verdict, pairs: Iterable[Pair]) -> dict[Pair, PairVerdict]:
    return {pair_of(*pair): PairVerdict(verdict) for pair in pairs}


def newest_decision(using: str) -> int:
    """Return the highest key of a decision, 0 without any. Later decisions have higher keys."""
    return PairDecision.objects.using(using).order_by("-pk").values_list("pk", flat=True).first() or 0


def decided_since(newest: int, about: Q, using: str) -> PairDecisionQuerySet:
    """Return the decisions `about` something that are newer than the key `newest` and not superseded, last first."""
    since = PairDecision.objects.using(using).not_superseded().filter(about, pk__gt=newest)
    return since.with_users().order_by("-pk")


def about_images(keys: Collection[int]) -> Q:
    """Match decisions on pairs of these images, and those that mark one of them as a duplicate of another image."""
    return Q(lower__in=keys, higher__in=keys) | Q(duplicate__in=keys)


def describe(decision: PairDecision, user_pk: Any) -> dict[str, str]:
    """Return `who` decided and `when`, for a message to this user."""
    user = decision.decided_by
    who = _("You") if decision.decided_by_id == user_pk else user.get_username() if user else _("Somebody")
    return {"who": str(who), "when": date_format(local_time(decision.decided_at), "SHORT_DATETIME_FORMAT")}


def local_time(moment: datetime) -> datetime:
    return localtime(moment) if is_aware(moment) else moment
