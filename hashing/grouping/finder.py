from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from hashing.fingerprint.similarity import Match
from hashing.grouping.candidates import CandidateRow, read_candidates
from hashing.grouping.clustering import Matches, StarClustering
from hashing.grouping.distances import KeeperDistances
from hashing.grouping.options import GroupingOptions, PhaseListener
from hashing.grouping.pair_constraints import PairConstraints
from hashing.grouping.ranking import best_first
from hashing.grouping.resaves import mark_resaves
from hashing.grouping.versions import MixedPairs
from hashing.models.querysets import ImageAssetQuerySet


class FoundMember(NamedTuple):
    """An image of a group that is not its keeper. `is_same`: it is decided that the keeper is kept in its place."""

    key: Any
    match: Match
    is_same: bool
    file_size: int


class FoundGroup(NamedTuple):
    """A keeper and the images that match it, in the order of their distances, then of their keys."""

    keeper: Any
    members: list[FoundMember]


def find_groups(
    rows: ImageAssetQuerySet[Any],
    options: GroupingOptions,
    constraints: PairConstraints | None = None,
    progress: PhaseListener = lambda _phase, _percent: None,
    *,
    keys: AbstractSet[Any] | None = None,
) -> list[FoundGroup]:
    """Return all groups of duplicates among `rows`, or among those of them with some `keys`, sorted by keeper.

    The same rows, options and constraints give the same groups, whatever the order of the rows. `progress` is called
    with the phase, "Reading" or "Comparing", and the percentage done. Raise `TooManyPairs` when more pairs match than
    memory holds.
    """
    # Imports NumPy, which would slow down every start of Django.
    from hashing.grouping.matches import find_matches

    constraints = constraints or PairConstraints()
    matches = find_matches(rows, options, constraints.must_link.keys(), keys, progress)
    candidates = read_candidates(rows, matches.entries_of)
    stars = cluster(candidates, matches, constraints)
    groups = (describe_group(star, candidates, constraints, options, matches.mixed) for star in stars)
    return sorted(groups, key=lambda group: group.keeper)


def cluster(
    candidates: Mapping[Any, CandidateRow], matches: Matches, constraints: PairConstraints
) -> Iterable[list[Any]]:
    """Yield the keys of each group, the keeper first."""
    candidates = mark_resaves(candidates, matches)
    marked = constraints.marked - constraints.lost
    keys = best_first((candidate.ranked for candidate in candidates.values()), marked)
    rank_of = {key: rank for rank, key in enumerate(keys)}

    def ranks(some: Iterable[Any]) -> list[int]:
        return sorted(rank_of[key] for key in some if key in rank_of)

    linked = map(ranks, constraints.must_link_sets())
    stars = StarClustering(
        [matches.entries_of[key] for key in keys],
        matches.neighbours,
        {rank: each for each in linked for rank in each},
        {rank_of[key]: set(ranks(others)) for key, others in constraints.cannot_link.items() if key in rank_of},
    )
    for star in stars:
        yield [keys[rank] for rank in star]


def describe_group(
    keys: Sequence[Any],
    candidates: Mapping[Any, CandidateRow],
    constraints: PairConstraints,
    options: GroupingOptions,
    mixed: MixedPairs,
) -> FoundGroup:
    """Measure the distances of a group, whose keeper comes first. Those of `mixed` pairs stay as they are."""
    keeper, *others = keys
    same = set() if keeper in constraints.lost else set(constraints.must_link.get(keeper, ()))
    distances = KeeperDistances(
        candidates[keeper].fingerprint, options.max_distance, any_orientation=options.any_orientation
    )
    members = []
    for key in others:
        row = candidates[key]
        match = mixed.get((keeper, key)) or distances.measure(row.fingerprint)
        members.append(FoundMember(key, match, key in same, row.ranked.file_size or 0))
    return FoundGroup(keeper, sorted(members, key=lambda member: (member.match.distance, member.key)))
