from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from hashing.fingerprint.fingerprint import Hashes
from hashing.fingerprint.orientations import Orientation, orient
from hashing.fingerprint.similarity import BEST_QUALITY, LARGEST_DISTANCE, is_match
from hashing.grouping.candidates import CandidateRow, StoredFingerprint, read_candidates
from hashing.grouping.clustering import Matches, StarClustering
from hashing.grouping.options import GroupingOptions, PhaseListener
from hashing.grouping.pair_constraints import PairConstraints
from hashing.grouping.ranking import best_first
from hashing.grouping.resaves import mark_resaves
from hashing.models.querysets import ImageAssetQuerySet


class KeeperDistances:
    """Distances of images to one keeper, as they are or, with `any_orientation`, turned and mirrored to fit best."""

    def __init__(self, keeper: StoredFingerprint, max_distance: int, *, any_orientation: bool) -> None:
        self._keeper = keeper
        self._max_distance = max_distance
        orientations = Orientation if any_orientation else (Orientation.UPRIGHT,)
        hashes = keeper.hashes
        self._copies = [(int(each), orient(hashes, each)) for each in orientations] if hashes else []

    def measure(self, other: StoredFingerprint) -> tuple[int, int]:
        """Return the distance and the orientation of the best match.

        Equal files have the distance 0, and images without all three hashes the largest distance.
        """
        digest = self._keeper.file_digest
        if digest is not None and digest == other.file_digest:
            return 0, int(Orientation.UPRIGHT)
        hashes = other.hashes
        if hashes is None or not self._copies:
            return LARGEST_DISTANCE, int(Orientation.UPRIGHT)
        qualities = (each.hash_quality for each in (self._keeper, other))
        quality = min(BEST_QUALITY if each is None else each for each in qualities)
        found = [(*hash_distances(copy, hashes), orientation) for orientation, copy in self._copies]
        matching = [each for each in found if is_match(*each[:2], quality, self._max_distance)]
        return min((small + detail, orientation) for small, detail, orientation in matching or found)


def hash_distances(one: Hashes[int], other: Hashes[int]) -> tuple[int, int]:
    """Return the number of differing bits of the two small hashes together, and of the detail hash."""
    perceptual, vertical, detail = ((mine ^ theirs).bit_count() for mine, theirs in zip(one, other, strict=True))
    return perceptual + vertical, detail


class FoundMember(NamedTuple):
    """An image of a group that is not its keeper. `is_same`: it is decided that the keeper is kept in its place."""

    key: Any
    distance: int
    orientation: int
    is_same: bool
    file_size: int


class FoundGroup(NamedTuple):
    """Members are in the order of their distances, then of their keys."""

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
    with the phase, "Reading" or "Comparing", and the percentage done. Raises `TooManyPairs` when more pairs match than
    memory holds.
    """
    # Imports NumPy, which would slow down every start of Django.
    from hashing.grouping.matches import find_matches

    constraints = constraints or PairConstraints()
    matches = find_matches(rows, options, constraints.must_link.keys(), keys, progress)
    candidates = read_candidates(rows, matches.entry_of)
    stars = cluster(candidates, matches, constraints)
    groups = (describe_group(star, candidates, constraints, options) for star in stars)
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
        [matches.entry_of[key] for key in keys],
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
) -> FoundGroup:
    """Measure the distances of a group, whose keeper comes first."""
    keeper, *others = keys
    same = set() if keeper in constraints.lost else set(constraints.must_link.get(keeper, ()))
    distances = KeeperDistances(
        candidates[keeper].fingerprint, options.max_distance, any_orientation=options.any_orientation
    )
    members = [
        FoundMember(key, *distances.measure(row.fingerprint), key in same, row.ranked.file_size or 0)
        for key, row in ((key, candidates[key]) for key in others)
    ]
    return FoundGroup(keeper, sorted(members, key=lambda member: (member.distance, member.key)))
