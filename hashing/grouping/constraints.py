"""What people have decided, in a form that groups are made by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q

from hashing.db.paging import batches
from hashing.db.transactions import same_server
from hashing.models.duplicates import PairDecision, PairDecisionQuerySet


@dataclass(frozen=True)
class PairConstraints:
    """Decisions by the keys of rows.

    `same` has the images that count as one, for each of them; `different` those that are none of its copies. `marked`
    are duplicates of another image. `lost` are the images of which none is kept: what they are marked as duplicates
    of has lost its file or its hash.
    """

    must_link: Mapping[Any, tuple[Any, ...]] = field(default_factory=dict)
    cannot_link: Mapping[Any, set[Any]] = field(default_factory=dict)
    marked: frozenset[Any] = frozenset()
    lost: frozenset[Any] = frozenset()

    def changed_since(self, now: PairConstraints) -> set[Any]:
        """The keys about which something else is said now."""
        both = [(self.must_link, now.must_link), (self.cannot_link, now.cannot_link)]
        changed = {
            key for mine, theirs in both for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)
        }
        return changed | (self.marked ^ now.marked) | (self.lost ^ now.lost)


def read_constraints(using: str, keys: Iterable[int] | None = None) -> PairConstraints:
    """The decisions in force, or those about some keys alone."""
    decisions = PairDecision.objects.using(using).in_force()
    chosen = [decisions] if keys is None else [decisions.about(batch) for batch in batches(keys)]
    same: list[tuple[int, int]] = []
    different: defaultdict[int, set[int]] = defaultdict(set)
    marked, sound = set[int](), set[int]()
    for lower, higher, verdict, duplicate, *are_sound in _values(chosen):
        sound.update(key for key, is_sound in zip((lower, higher), are_sound, strict=True) if is_sound)
        if verdict == PairDecision.Verdict.SAME:
            same.append((lower, higher))
            marked.add(duplicate)
        else:
            different[lower].add(higher)
            different[higher].add(lower)
    clusters = connected(same)
    return PairConstraints(clusters, dict(different), frozenset(marked), _lost(clusters, sound - marked))


def _lost(clusters: Mapping[int, tuple[int, ...]], kept: AbstractSet[int]) -> frozenset[int]:
    # A cluster is one object for all its keys.
    distinct = {id(cluster): cluster for cluster in clusters.values()}
    return frozenset(key for cluster in distinct.values() if kept.isdisjoint(cluster) for key in cluster)


def _values(chosen: Iterable[PairDecisionQuerySet]) -> Iterator[tuple[Any, ...]]:
    for decisions in chosen:
        with same_server(decisions.db):
            values = decisions.values_list(
                "lower", "higher", "verdict", "duplicate", _is_sound("lower"), _is_sound("higher")
            )
            yield from values.iterator()


def _is_sound(side: str) -> Any:
    has_hash = Q(**{f"{side}__perceptual_hash__isnull": False, f"{side}__hash_error": ""})
    return ExpressionWrapper(has_hash, output_field=BooleanField())


def read_constraints_around(keys: AbstractSet[int], using: str) -> PairConstraints:
    """The decisions about some keys, and about all that count as one with any of them."""
    while True:
        verdicts = read_constraints(using, keys)
        around = keys | verdicts.must_link.keys()
        if around == keys:
            return verdicts
        keys = around


def connected(pairs: Iterable[tuple[Hashable, Hashable]]) -> dict[Any, tuple[Any, ...]]:
    """For each that occurs in a pair, all that are connected with it, itself among them, in order."""
    cluster_of: dict[Any, set[Any]] = {}
    for one, other in pairs:
        smaller, larger = sorted((cluster_of.get(one, {one}), cluster_of.get(other, {other})), key=len)
        if smaller is larger:
            continue
        larger |= smaller
        for each in smaller | {one, other}:
            cluster_of[each] = larger
    distinct = {id(cluster): cluster for cluster in cluster_of.values()}
    whole = {number: tuple(sorted(cluster)) for number, cluster in distinct.items()}
    return {each: whole[id(cluster)] for each, cluster in cluster_of.items()}
