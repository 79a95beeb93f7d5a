"""What was decided about a duplicate holds for the image kept in its place, after the duplicate is deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hashing.db.paging import batches
from hashing.grouping.decision_log import Pair, pair_of
from hashing.grouping.deletion import find_kept
from hashing.models.image_asset import ImageAsset
from hashing.models.pair_decisions import PairDecision

FIELDS = ("lower", "higher", "lower_file", "higher_file")


@dataclass(frozen=True)
class Inheritance:
    """The decisions in force about marked duplicates, and the key of the image kept in place of each."""

    decisions: list[PairDecision]
    kept: dict[int, int]

    @classmethod
    def of(cls, duplicates: Collection[int], using: str) -> Inheritance:
        """Read the decisions before the duplicates are deleted. The groups must be locked."""
        in_force = PairDecision.objects.using(using).in_force()
        found = {made.pk: made for batch in batches(duplicates) for made in in_force.about(batch)}
        return cls([found[pk] for pk in sorted(found)], find_kept(duplicates, using))

    def hand_over(self, deleted: Collection[int], using: str) -> None:
        """Let the decisions about those duplicates that were `deleted` be about the kept images.

        What was a duplicate of a deleted image becomes one of the kept image, and what is not the same as the one is
        not the same as the other. A decision stays with its image where the kept one has a decision of its own.
        """
        kept = {key: self.kept[key] for key in deleted if key in self.kept}
        made_by_pair = {pair: made for made in self.decisions if (pair := find_inherited(made, kept))}
        names = read_names(made_by_pair, using)
        decided = read_decided(made_by_pair, using)
        inherited = []
        for pair, made in made_by_pair.items():
            if pair not in decided and names.keys() >= set(pair):
                made.lower_id, made.higher_id = pair
                made.lower_file, made.higher_file = names[pair[0]], names[pair[1]]
                inherited.append(made)
        PairDecision.objects.using(using).bulk_update(inherited, FIELDS, batch_size=500)


def find_inherited(decision: PairDecision, kept: Mapping[int, int]) -> Pair | None:
    """Return the pair that a decision is about when `kept` images stand for deleted ones; None if it ends with them."""
    lower, higher = decision.lower_id, decision.higher_id
    pair = pair_of(kept.get(lower, lower), kept.get(higher, higher))
    is_unchanged = pair == (lower, higher)
    return None if is_unchanged or pair[0] == pair[1] or decision.duplicate_id in kept else pair


def read_names(pairs: Iterable[Pair], using: str) -> dict[int, str]:
    keys = {key for pair in pairs for key in pair}
    rows = ImageAsset.objects.using(using)
    return {pk: name for some in batches(keys) for pk, name in rows.filter(pk__in=some).values_list("pk", "image")}


def read_decided(pairs: Collection[Pair], using: str) -> set[Pair]:
    """Return those of the pairs that have a decision already."""
    found: set[Pair] = set()
    for some in batches(pairs, 2000):
        decisions = PairDecision.objects.using(using).not_superseded()
        lowers, highers = ({pair[side] for pair in some} for side in (0, 1))
        found.update(decisions.filter(lower__in=lowers, higher__in=highers).values_list("lower", "higher"))
    return found
