"""Which rows of a table match one another: by their hashes, and by the digests of their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any, Protocol

import numpy as np

from hashing.fingerprint.orientations import TURNED
from hashing.grouping.hash_table import Entries, read_equal_files, read_hashes
from hashing.grouping.options import GroupingOptions
from hashing.hamming_join.fingerprints import Fingerprints, Positions
from hashing.hamming_join.orientation_join import orientation_join
from hashing.hamming_join.self_join import self_join
from hashing.models.querysets import ImageAssetQuerySet

Progress = Callable[[str, int], object]


@dataclass(frozen=True)
class Matches:
    """Rows that match another, or that somebody has called the same as another, and the entry of each.

    Rows of one entry match, and so do those of `neighbours`.
    """

    entry_of: Mapping[Any, int]
    neighbours: Callable[[int], Iterable[int]]


def find_matches(
    rows: ImageAssetQuerySet[Any],
    options: GroupingOptions,
    also: AbstractSet[Any],
    keys: AbstractSet[Any] | None,
    progress: Progress,
) -> Matches:
    """Match all rows, or those with some `keys`. Rows of `also` are wanted whether they match or not."""
    equal_files = read_equal_files(rows, keys)
    wanted = {*(also if keys is None else also & keys), *equal_files}
    if options.exact_bytes:
        return _with_equal_files({}, lambda _entry: (), 0, equal_files, wanted)
    entries = Entries.of(read_hashes(rows.comparable(), keys, partial(progress, "Reading")))
    neighbours = _match_entries(entries.fingerprints, options, partial(progress, "Comparing"))
    chosen = (entries.sizes > 1) | (np.diff(neighbours.starts) > 0)
    chosen[entries.with_keys(wanted)] = True
    found, entry_of = entries.rows_of(chosen)
    by_key = dict(zip(found.tolist(), entry_of.tolist(), strict=True))
    return _with_equal_files(by_key, neighbours, len(entries), equal_files, wanted)


def _match_entries(
    fingerprints: Fingerprints, options: GroupingOptions, progress: Callable[[int], object]
) -> Neighbours:
    pairs: list[_Pairs] = [self_join(fingerprints, options.max_distance, progress=progress)]
    if options.any_orientation:
        pairs.append(orientation_join(fingerprints, TURNED, options.max_distance))
    return Neighbours.of(fingerprints.size, pairs)


def _with_equal_files(
    entry_of: dict[Any, int],
    neighbours: Callable[[int], Iterable[int]],
    count: int,
    equal_files: Mapping[Any, str],
    wanted: Iterable[Any],
) -> Matches:
    """Put rows whose hashes are not compared into entries of their own: one for each file, and one for each other row.

    Equal files mostly have equal hashes. Entries that share a file although they differ are neighbours.
    """
    numbers: dict[Any, int] = {}
    for key in wanted:
        if key not in entry_of:
            entry_of[key] = numbers.setdefault(equal_files.get(key, (key,)), count + len(numbers))
    sharing: defaultdict[str, set[int]] = defaultdict(set)
    for key, digest in equal_files.items():
        sharing[digest].add(entry_of[key])
    also: defaultdict[int, set[int]] = defaultdict(set)
    for entries in sharing.values():
        for one, other in permutations(entries, 2):
            also[one].add(other)

    def all_neighbours(entry: int) -> Iterable[int]:
        near = neighbours(entry) if entry < count else ()
        return {*near, *also[entry]} if entry in also else near

    return Matches(entry_of, all_neighbours)


class _Pairs(Protocol):
    @property
    def first(self) -> Positions: ...
    @property
    def second(self) -> Positions: ...


@dataclass(frozen=True)
class Neighbours:
    """For each entry, the entries that match it: those of entry e begin at `starts[e]`."""

    starts: Positions
    others: Positions

    @classmethod
    def of(cls, count: int, pairs: Sequence[_Pairs]) -> Neighbours:
        firsts = np.concatenate([end for pair in pairs for end in (pair.first, pair.second)])
        seconds = np.concatenate([end for pair in pairs for end in (pair.second, pair.first)])
        counts = np.bincount(firsts, minlength=count)
        return cls(np.append(0, np.cumsum(counts)), seconds[np.argsort(firsts, kind="stable")])

    def __call__(self, entry: int) -> list[int]:
        found: list[int] = self.others[self.starts[entry] : self.starts[entry + 1]].tolist()
        return found
