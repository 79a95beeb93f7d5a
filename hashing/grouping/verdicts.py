"""What people have decided, in a form that groups are made by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from hashing.models.duplicates import PairDecision, PairDecisionQuerySet
from hashing.paging import batches, same_server


@dataclass(frozen=True)
class Verdicts:
    """Keys of rows: `same` has the pictures that count as one, for each of them; `different` those that are none of
    its copies; `marked` the ones that are not to be kept."""

    same: Mapping[Any, tuple[Any, ...]] = field(default_factory=dict)
    different: Mapping[Any, set[Any]] = field(default_factory=dict)
    marked: frozenset[Any] = frozenset()

    def changed_since(self, now: Verdicts) -> set[Any]:
        """The keys about which something else is said now."""
        both = [(self.same, now.same), (self.different, now.different)]
        changed = {
            key for mine, theirs in both for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)
        }
        return changed | (self.marked ^ now.marked)


def read_verdicts(using: str, keys: Iterable[int] | None = None) -> Verdicts:
    """The decisions in force, or those about some keys alone."""
    decisions = PairDecision.objects.using(using).current()
    chosen = [decisions] if keys is None else [decisions.about(batch) for batch in batches(keys)]
    same: list[tuple[int, int]] = []
    different: defaultdict[int, set[int]] = defaultdict(set)
    marked = set()
    for lower, higher, verdict, duplicate in _values(chosen):
        if verdict == PairDecision.Verdict.SAME:
            same.append((lower, higher))
            marked.add(duplicate)
        else:
            different[lower].add(higher)
            different[higher].add(lower)
    return Verdicts(connected(same), dict(different), frozenset(marked))


def _values(chosen: Iterable[PairDecisionQuerySet]) -> Iterator[tuple[Any, ...]]:
    for decisions in chosen:
        with same_server(decisions.db):
            yield from decisions.values_list("lower", "higher", "verdict", "duplicate").iterator()


def read_verdicts_around(keys: AbstractSet[int], using: str) -> Verdicts:
    """The decisions about some keys, and about all that count as one with any of them."""
    while True:
        verdicts = read_verdicts(using, keys)
        around = keys | verdicts.same.keys()
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
