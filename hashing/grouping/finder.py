"""From a queryset to groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple

from hashing.db.paging import rows_with_keys
from hashing.grouping.clustering import KeeperDistances, Stars, StoredFingerprint
from hashing.grouping.constraints import PairConstraints
from hashing.grouping.options import GroupingOptions
from hashing.grouping.ranking import FACTS_FIELDS, Facts, best_first
from hashing.models.querysets import ImageAssetQuerySet

if TYPE_CHECKING:
    from hashing.grouping.matches import Matches

Progress = Callable[[str, int], object]


class FoundMember(NamedTuple):
    """An image that is not the keeper of its group. `is_same`: it is decided that the keeper is kept in its place."""

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
    verdicts: PairConstraints | None = None,
    progress: Progress = lambda _phase, _per_cent: None,
    *,
    keys: AbstractSet[Any] | None = None,
) -> list[FoundGroup]:
    """All groups of duplicates among `rows`, or among those of them with some `keys`, by the keys of their keepers.

    The same rows, options and verdicts give the same groups, in any order of the rows. `progress` is told what is being
    done, "Reading" or "Comparing", and how many per cent of it are done. Raises `TooManyPairs` when more pairs match
    than memory holds.
    """
    # It needs NumPy, which every start of Django would wait for.
    from hashing.grouping.matches import find_matches

    verdicts = verdicts or PairConstraints()
    matches = find_matches(rows, options, verdicts.must_link.keys(), keys, progress)
    facts, fingerprints = _read_rows(rows, matches.entry_of)
    grouping = _Grouping(matches, facts, fingerprints, verdicts, options)
    return sorted(grouping.groups(), key=lambda group: group.keeper)


def _read_rows(
    rows: ImageAssetQuerySet[Any], keys: Iterable[Any]
) -> tuple[dict[Any, Facts], dict[Any, StoredFingerprint]]:
    """What else is to be known of the rows with some keys. Those that are gone are missing."""
    facts, fingerprints = {}, {}
    for key, *values in rows_with_keys(rows, keys, FACTS_FIELDS + StoredFingerprint._fields):
        facts[key] = Facts.of_row(*values[: len(FACTS_FIELDS)])
        fingerprints[key] = StoredFingerprint(*values[len(FACTS_FIELDS) :])
    return facts, fingerprints


class _Grouping:
    def __init__(
        self,
        matches: Matches,
        facts: Mapping[Any, Facts],
        fingerprints: Mapping[Any, StoredFingerprint],
        verdicts: PairConstraints,
        options: GroupingOptions,
    ) -> None:
        # Rows that were deleted while the others were compared have no facts, and no rank.
        self._facts = facts
        self._fingerprints = fingerprints
        self._verdicts = verdicts
        self._options = options
        self._keys = best_first(self._facts, verdicts.marked - verdicts.lost)
        self._rank_of = {key: rank for rank, key in enumerate(self._keys)}
        self._stars = Stars(
            [matches.entry_of[key] for key in self._keys],
            matches.neighbours,
            self._same(),
            {self._rank_of[key]: set(self._ranks(others)) for key, others in self._different()},
        )

    def groups(self) -> list[FoundGroup]:
        return [self._group([self._keys[rank] for rank in star]) for star in self._stars]

    def _group(self, keys: Sequence[Any]) -> FoundGroup:
        keeper, *others = keys
        same = set() if keeper in self._verdicts.lost else set(self._verdicts.must_link.get(keeper, ()))
        distances = KeeperDistances(
            self._fingerprints[keeper], self._options.max_distance, any_orientation=self._options.any_orientation
        )
        members = [
            FoundMember(key, *distances.measure(self._fingerprints[key]), key in same, self._facts[key].file_size)
            for key in others
        ]
        return FoundGroup(keeper, sorted(members, key=lambda member: (member.distance, member.key)))

    def _same(self) -> dict[int, list[int]]:
        # A cluster is one object for all its keys: it is walked once, and not once for each of them.
        clusters = {id(cluster): cluster for cluster in self._verdicts.must_link.values()}
        ranks = [self._ranks(cluster) for cluster in clusters.values()]
        return {rank: cluster for cluster in ranks for rank in cluster}

    def _different(self) -> list[tuple[Any, set[Any]]]:
        return [(key, others) for key, others in self._verdicts.cannot_link.items() if key in self._rank_of]

    def _ranks(self, keys: Any) -> list[int]:
        return sorted(self._rank_of[key] for key in keys if key in self._rank_of)
