"""From a queryset to groups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from hashing.grouping.hash_table import read_hashes
from hashing.grouping.matches import Matches, match_contents, match_hashes
from hashing.grouping.options import GroupingOptions
from hashing.grouping.ranking import Facts, best_first, read_facts
from hashing.grouping.stars import Stars
from hashing.grouping.verdicts import Verdicts
from hashing.orientations import Orientation, orient
from hashing.querysets import HashedImageQuerySet

Progress = Callable[[str, int], object]


class FoundMember(NamedTuple):
    """An image that is not the keeper of its group. `is_same`: it is decided that the keeper is kept in its place."""

    key: Any
    distance: int
    confirm_distance: int
    orientation: int
    is_same: bool
    file_size: int


class FoundGroup(NamedTuple):
    """Members are in the order of their distances, then of their keys."""

    keeper: Any
    members: list[FoundMember]


def find_groups(
    rows: HashedImageQuerySet[Any],
    options: GroupingOptions,
    verdicts: Verdicts | None = None,
    progress: Progress = lambda _phase, _per_cent: None,
    *,
    keys: Collection[Any] | None = None,
) -> list[FoundGroup]:
    """All groups of duplicates among `rows`, or among those of them with some `keys`, by the keys of their keepers.

    The same rows, options and verdicts give the same groups, in any order of the rows. `progress` is told what is being
    done, "Reading" or "Comparing", and how many per cent of it are done. Raises `TooManyPairs` when more pairs match
    than memory holds.
    """
    verdicts = verdicts or Verdicts()
    comparable = rows.comparable(include_low_quality=options.exact_bytes)
    table = read_hashes(comparable, keys, partial(progress, "Reading"))
    comparing = partial(progress, "Comparing")
    if options.exact_bytes:
        matches = match_contents(table, rows, verdicts.same, comparing)
    else:
        matches = match_hashes(table, options, verdicts.same, comparing)
    facts = read_facts(rows, matches.keys)
    return sorted(_Grouping(matches, facts, verdicts, options).groups(), key=lambda group: group.keeper)


class _Grouping:
    def __init__(
        self, matches: Matches, facts: Mapping[Any, Facts], verdicts: Verdicts, options: GroupingOptions
    ) -> None:
        self._facts = facts
        self._verdicts = verdicts
        self._options = options
        self._keys = best_first(facts, verdicts.marked - verdicts.lost)
        self._rank_of = {key: rank for rank, key in enumerate(self._keys)}
        # Rows that were deleted while the others were compared have no facts, and no rank.
        self._hashes = dict(zip(matches.keys, matches.hashes, strict=True))
        entry_of = dict(zip(matches.keys, matches.entry_of, strict=True))
        self._stars = Stars(
            [entry_of[key] for key in self._keys],
            matches.neighbours,
            self._same(),
            {self._rank_of[key]: set(self._ranks(others)) for key, others in self._different()},
        )

    def groups(self) -> list[FoundGroup]:
        return [self._group([self._keys[rank] for rank in star]) for star in self._stars]

    def _group(self, keys: Sequence[Any]) -> FoundGroup:
        keeper, *others = keys
        same = set() if keeper in self._verdicts.lost else set(self._verdicts.same.get(keeper, ()))
        copies = self._copies(keeper)
        members = [
            FoundMember(key, *self._measure(copies, key), key in same, self._facts[key].file_size) for key in others
        ]
        return FoundGroup(keeper, sorted(members, key=lambda member: (member.distance, member.key)))

    def _copies(self, keeper: Any) -> list[tuple[int, int, int]]:
        """The keeper's hashes, and those its copies in other orientations would have."""
        wanted = Orientation if self._options.any_orientation else (Orientation.UPRIGHT,)
        perceptual, vertical = self._hashes[keeper]
        return [(int(each), *orient(perceptual, vertical, each)) for each in wanted]

    def _measure(self, copies: Sequence[tuple[int, int, int]], key: Any) -> tuple[int, int, int]:
        """Distance, confirm distance and orientation of the best match."""
        own = self._hashes[key]
        found = [
            ((perceptual ^ own[0]).bit_count(), (vertical ^ own[1]).bit_count(), orientation)
            for orientation, perceptual, vertical in copies
        ]
        fitting = [match for match in found if match[1] <= self._options.confirm_limit]
        return min(fitting or found, key=lambda match: (match[0], match[2]))

    def _same(self) -> dict[int, list[int]]:
        # A cluster is one object for all its keys: it is walked once, and not once for each of them.
        clusters = {id(cluster): cluster for cluster in self._verdicts.same.values()}
        ranks = [self._ranks(cluster) for cluster in clusters.values()]
        return {rank: cluster for cluster in ranks for rank in cluster}

    def _different(self) -> list[tuple[Any, set[Any]]]:
        return [(key, others) for key, others in self._verdicts.different.items() if key in self._rank_of]

    def _ranks(self, keys: Any) -> list[int]:
        return sorted(self._rank_of[key] for key in keys if key in self._rank_of)
