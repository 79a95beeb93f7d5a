"""Groups as stars: every picture of a group matches the keeper, or something that people call the same as it.

Chains, where A matches B and B matches C, make groups of thousands that have nothing in common. And a fixed order makes
the same groups of the same rows, whatever order they were found in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet


class Stars:
    """Rows are numbered by rank, the one to keep before all others is 0.

    `entry_of` is the entry of each row; the rows of an entry match one another, and those of its `neighbours`.
    `same` has, for rows that count as one, all of them in order; `different` the rows that never go together with one.
    """

    def __init__(
        self,
        entry_of: Sequence[int],
        neighbours: Callable[[int], Iterable[int]],
        same: Mapping[int, Sequence[int]],
        different: Mapping[int, AbstractSet[int]],
    ) -> None:
        self._entry_of = entry_of
        self._neighbours = neighbours
        self._same = same
        self._different = different
        self._taken = bytearray(len(entry_of))
        self._waiting: defaultdict[int, list[int]] = defaultdict(list)
        for row, entry in enumerate(entry_of):
            self._waiting[entry].append(row)

    def __iter__(self) -> Iterator[list[int]]:
        """Groups of two rows and more, each begun by its keeper."""
        for row in range(len(self._entry_of)):
            if not self._taken[row] and len(group := self._around(row)) > 1:
                yield group

    def _around(self, keeper: int) -> list[int]:
        group = self._take(keeper)
        blocked = {other for row in group for other in self._different.get(row, ())}
        for candidate in self._candidates(group):
            if self._taken[candidate]:
                continue
            cluster = self._cluster(candidate)
            if blocked.isdisjoint(cluster):
                group += self._take(candidate)
                blocked |= {other for row in cluster for other in self._different.get(row, ())}
        return group

    def _candidates(self, rows: Iterable[int]) -> list[int]:
        entries = {self._entry_of[row] for row in rows}
        entries.update(*map(self._neighbours, tuple(entries)))
        for entry in entries:
            self._waiting[entry] = [row for row in self._waiting[entry] if not self._taken[row]]
        return sorted(row for entry in entries for row in self._waiting[entry])

    def _take(self, row: int) -> list[int]:
        cluster = list(self._cluster(row))
        for each in cluster:
            self._taken[each] = True
        return cluster

    def _cluster(self, row: int) -> Sequence[int]:
        return self._same.get(row, (row,))
