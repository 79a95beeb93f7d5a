from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q

from hashing.db.paging import batches
from hashing.db.transactions import same_server
from hashing.models.pair_decisions import PairDecision, PairDecisionQuerySet


@dataclass(frozen=True)
class PairConstraints:
    """The decisions in force as constraints of a clustering, by the keys of assets.

    `must_link` has, for each asset of a must-link set, the whole set in order; `cannot_link` the assets that are not
    the same as one, also those that belong together with it. `marked` are duplicates of another asset. `lost` are the
    must-link sets without a sound asset that is not marked: what was kept of them has lost its file or its hash.
    """

    must_link: Mapping[Any, tuple[Any, ...]] = field(default_factory=dict)
    cannot_link: Mapping[Any, set[Any]] = field(default_factory=dict)
    marked: frozenset[Any] = frozenset()
    lost: frozenset[Any] = frozenset()

    def must_link_sets(self) -> Iterable[tuple[Any, ...]]:
        return distinct(self.must_link.values())

    def excluded_from(self, keys: Iterable[Any]) -> set[Any]:
        """Return the assets that cannot be in one group with all of these."""
        return {other for key in keys for other in self.cannot_link.get(key, ())}

    def is_contradictory(self) -> bool:
        """Return whether two assets of one must-link set are not the same, or all of them are marked: a circle."""
        is_marked = any(self.marked.issuperset(linked) for linked in self.must_link_sets())
        return is_marked or any(
            not others.isdisjoint(self.must_link.get(key, ())) for key, others in self.cannot_link.items()
        )

    def changed_since(self, before: PairConstraints) -> set[Any]:
        """Return the assets with other constraints than before."""
        both = [(self.must_link, before.must_link), (self.cannot_link, before.cannot_link)]
        changed = {key for now, then in both for key in now.keys() | then.keys() if now.get(key) != then.get(key)}
        return changed | (self.marked ^ before.marked) | (self.lost ^ before.lost)


def read_constraints(using: str, keys: Iterable[int] | None = None) -> PairConstraints:
    """Read the decisions in force, or only those about some assets."""
    decisions = PairDecision.objects.using(using).in_force()
    chosen = [decisions] if keys is None else [decisions.about(batch) for batch in batches(keys)]
    same: list[tuple[int, int]] = []
    cannot_link: defaultdict[int, set[int]] = defaultdict(set)
    marked, sound = set[int](), set[int]()
    for lower, higher, verdict, duplicate, *are_sound in _read_pairs(chosen):
        sound.update(key for key, is_sound in zip((lower, higher), are_sound, strict=True) if is_sound)
        if verdict == PairDecision.Verdict.SAME:
            same.append((lower, higher))
            marked.add(duplicate)
        else:
            cannot_link[lower].add(higher)
            cannot_link[higher].add(lower)
    must_link, kept = connected(same), sound - marked
    lost = frozenset(key for linked in distinct(must_link.values()) if kept.isdisjoint(linked) for key in linked)
    return PairConstraints(must_link, dict(cannot_link), frozenset(marked), lost)


def read_constraints_around(keys: AbstractSet[int], using: str) -> PairConstraints:
    """Read the decisions about some assets and about the must-link sets that these are in."""
    while True:
        constraints = read_constraints(using, keys)
        around = keys | constraints.must_link.keys()
        if around == keys:
            return constraints
        keys = around


def _read_pairs(chosen: Iterable[PairDecisionQuerySet]) -> Iterator[tuple[Any, ...]]:
    for decisions in chosen:
        with same_server(decisions.db):
            are_sound = [ExpressionWrapper(is_sound(side), BooleanField()) for side in ("lower__", "higher__")]
            yield from decisions.values_list("lower", "higher", "verdict", "duplicate", *are_sound).iterator()


def is_sound(prefix: str = "") -> Q:
    """Match assets that can be kept: hashed, and without an error. `prefix` leads to the asset, like "lower__"."""
    return Q(**{f"{prefix}perceptual_hash__isnull": False, f"{prefix}hash_error": ""})


def connected(pairs: Iterable[tuple[Hashable, Hashable]]) -> dict[Any, tuple[Any, ...]]:
    """Return the connected component of each key of the pairs, sorted. The keys of one component share one tuple."""
    component_of: dict[Any, set[Any]] = {}
    for one, other in pairs:
        smaller, larger = sorted((component_of.get(one, {one}), component_of.get(other, {other})), key=len)
        if smaller is larger:
            continue
        larger |= smaller
        for each in smaller | {one, other}:
            component_of[each] = larger
    components: dict[Any, tuple[Any, ...]] = {}
    for component in distinct(component_of.values()):
        components |= dict.fromkeys(component, tuple(sorted(component)))
    return components


def distinct(shared: Iterable[Any]) -> Iterable[Any]:
    """Return each object once. Large sets that many keys share are told apart by identity, without comparing them."""
    return {id(each): each for each in shared}.values()
