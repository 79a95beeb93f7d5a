from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from hashing.grouping.versions import MixedPairs


@dataclass(frozen=True)
class Matches:
    """Which rows match, by their entries: a row matches all rows of the `neighbours` of its entries.

    An entry is a neighbour of itself if its own rows match one another. `entries_of` has the entries of each row, by
    the key of the row. `mixed` are pairs of a stored group that cannot be compared, because their hashes are of
    different versions.
    """

    entries_of: Mapping[Any, Sequence[int]]
    neighbours: Callable[[int], Iterable[int]]
    mixed: MixedPairs = field(default_factory=dict)


class StarClustering:
    """Constrained star clustering: iterating gives groups of two rows or more, each with its keeper first.

    Rows are numbered by rank, 0 is the best one to keep. The best row that is left becomes a keeper and claims all rows
    that match it, so every member matches its keeper and not merely another member.

    `must_link` has, for each row of a must-link set, all its rows: they are claimed together, and match what one of
    them matches. `cannot_link` has the rows that are never in one group with a row.
    """

    def __init__(
        self,
        entries_of: Sequence[Sequence[int]],
        neighbours: Callable[[int], Iterable[int]],
        must_link: Mapping[int, Sequence[int]],
        cannot_link: Mapping[int, AbstractSet[int]],
    ) -> None:
        self._entries_of = entries_of
        self._neighbours = neighbours
        self._must_link = must_link
        self._cannot_link = cannot_link
        self._claimed = bytearray(len(entries_of))
        self._unclaimed: defaultdict[int, list[int]] = defaultdict(list)
        for row, entries in enumerate(entries_of):
            for entry in entries:
                self._unclaimed[entry].append(row)

    def __iter__(self) -> Iterator[list[int]]:
        for row in range(len(self._entries_of)):
            if not self._claimed[row] and len(group := self._cluster_around(row)) > 1:
                yield group

    def _cluster_around(self, keeper: int) -> list[int]:
        group = self._claim(keeper)
        blocked = self._blocked_by(group)
        for candidate in self._candidates(group):
            if not self._claimed[candidate] and blocked.isdisjoint(self._linked(candidate)):
                claimed = self._claim(candidate)
                group += claimed
                blocked |= self._blocked_by(claimed)
        return group

    def _candidates(self, rows: Iterable[int]) -> list[int]:
        """Return the unclaimed rows that match one of these, best first."""
        own = {entry for row in rows for entry in self._entries_of[row]}
        near = set[int]().union(*map(self._neighbours, own))
        for entry in near:
            self._unclaimed[entry] = [row for row in self._unclaimed[entry] if not self._claimed[row]]
        return sorted({row for entry in near for row in self._unclaimed[entry]})

    def _claim(self, row: int) -> list[int]:
        rows = list(self._linked(row))
        for each in rows:
            self._claimed[each] = True
        return rows

    def _linked(self, row: int) -> Sequence[int]:
        return self._must_link.get(row, (row,))

    def _blocked_by(self, rows: Iterable[int]) -> set[int]:
        return {other for row in rows for other in self._cannot_link.get(row, ())}
