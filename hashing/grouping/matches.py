"""Which rows of a table match one another: by their hashes, or by the content of their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hashing.grouping.content import read_contents
from hashing.grouping.hash_table import Entries, HashTable, Positions
from hashing.grouping.options import GroupingOptions
from hashing.pairs.near_pairs import NearPairs, find_near_pairs
from hashing.pairs.turned_pairs import find_turned_pairs
from hashing.querysets import HashedImageQuerySet

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Matches:
    """Rows that match another, or that somebody has called the same as another.

    Three sequences of the same length: the `keys` of the rows, `hashes` (perceptual, vertical), and the entry of each.
    Rows of one entry match, and so do those of `neighbours`.
    """

    keys: Sequence[Any]
    hashes: Sequence[tuple[int, int]]
    entry_of: Sequence[int]
    neighbours: Callable[[int], Iterable[int]]


def match_hashes(table: HashTable, options: GroupingOptions, also: Iterable[Any], progress: Progress) -> Matches:
    """`also` are keys of rows that are wanted whether they match or not."""
    entries = Entries.of(table)
    limits = (options.max_distance, options.confirm_limit)
    pairs: list[Any] = [find_near_pairs(entries.perceptual, entries.vertical, *limits, progress=progress)]
    if options.any_orientation:
        pairs.append(find_turned_pairs(entries.perceptual, entries.vertical, *limits))
    neighbours = Neighbours.of(len(entries), pairs)
    chosen = (entries.sizes > 1) | (np.diff(neighbours.starts) > 0)
    chosen[_entries_with(table, entries, also)] = True
    rows, entry_of = entries.rows_of(chosen)
    return Matches(table.keys[rows].tolist(), _hashes(table, rows), entry_of.tolist(), neighbours)


def match_contents(
    table: HashTable, rows: HashedImageQuerySet[Any], also: Iterable[Any], progress: Progress
) -> Matches:
    """Rows whose files are equal. Only files of the same size and with the same hashes are read."""
    entries = Entries.of(table)
    chosen = entries.sizes > 1
    chosen[_entries_with(table, entries, also)] = True
    positions, entry_of = entries.rows_of(chosen)
    keys = table.keys[positions].tolist()
    contents = read_contents(rows, dict(zip(keys, entry_of.tolist(), strict=True)), progress)
    numbers: dict[Any, int] = {}
    # A file that was not read is equal to itself alone.
    content_of = [numbers.setdefault(contents.get(key, key), len(numbers)) for key in keys]
    return Matches(keys, _hashes(table, positions), content_of, lambda _entry: ())


@dataclass(frozen=True)
class Neighbours:
    """For each entry, the entries that match it: those of entry e begin at `starts[e]`."""

    starts: Positions
    others: Positions

    @classmethod
    def of(cls, count: int, pairs: Iterable[NearPairs]) -> Neighbours:
        firsts = np.concatenate([end for pair in pairs for end in (pair.first, pair.second)])
        seconds = np.concatenate([end for pair in pairs for end in (pair.second, pair.first)])
        counts = np.bincount(firsts, minlength=count)
        return cls(np.append(0, np.cumsum(counts)), seconds[np.argsort(firsts, kind="stable")])

    def __call__(self, entry: int) -> list[int]:
        found: list[int] = self.others[self.starts[entry] : self.starts[entry + 1]].tolist()
        return found


def _entries_with(table: HashTable, entries: Entries, keys: Iterable[Any]) -> Positions:
    wanted = list(keys)
    if not wanted:
        return np.zeros(0, dtype=np.int64)
    entry_of_position = np.empty(len(table.keys), dtype=np.int64)
    entry_of_position[entries.members] = np.repeat(np.arange(len(entries)), entries.sizes)
    return entry_of_position[np.isin(table.keys, wanted)]


def _hashes(table: HashTable, positions: Positions) -> list[tuple[int, int]]:
    return list(zip(table.perceptual[positions].tolist(), table.vertical[positions].tolist(), strict=True))
