from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any, Protocol

import numpy as np
from django.db.models import Count

from hashing.db.paging import batches, rows_with_keys
from hashing.fingerprint.orientations import TURNED
from hashing.grouping.clustering import Matches
from hashing.grouping.hash_table import Entries, read_hashes
from hashing.grouping.options import GroupingOptions, PhaseListener
from hashing.hamming_join.fingerprints import Fingerprints, Positions
from hashing.hamming_join.orientation_join import orientation_join
from hashing.hamming_join.self_join import self_join
from hashing.models.querysets import ImageAssetQuerySet


def find_matches(
    rows: ImageAssetQuerySet[Any],
    options: GroupingOptions,
    required: AbstractSet[Any],
    keys: AbstractSet[Any] | None,
    progress: PhaseListener,
) -> Matches:
    """Match all rows, or those with some `keys`, by their hashes and by the digests of their files.

    The result has the rows that match another one, and those `required` in any case.
    """
    equal_files = read_equal_files(rows, keys)
    wanted = {*(required if keys is None else required & keys), *equal_files}
    if options.exact_bytes:
        return add_equal_files({}, lambda _entry: (), 0, equal_files, wanted)
    entries = Entries.of(read_hashes(rows.comparable(), keys, partial(progress, "Reading")))
    neighbours = match_entries(entries.fingerprints, options, partial(progress, "Comparing"))
    chosen = (entries.sizes > 1) | (np.diff(neighbours.starts) > 0)
    chosen[entries.with_keys(wanted)] = True
    found, entry_of = entries.rows_of(chosen)
    by_key = dict(zip(found.tolist(), entry_of.tolist(), strict=True))
    return add_equal_files(by_key, neighbours, len(entries), equal_files, wanted)


def read_equal_files(rows: ImageAssetQuerySet[Any], keys: Collection[Any] | None) -> dict[Any, str]:
    """Return the digest of each row whose file is equal to another one's, among all rows or those with some keys.

    Reads no file. The rows may be blank pages or files that cannot be decoded.
    """
    rows = rows.filter(file_digest__isnull=False).order_by()
    if keys is not None:
        digests: dict[Any, str] = dict(rows_with_keys(rows, keys, ("file_digest",)))
        counts = Counter(digests.values())
        return {key: digest for key, digest in digests.items() if counts[digest] > 1}
    counted = rows.values("file_digest").annotate(count=Count("pk")).filter(count__gt=1)
    shared = list(counted.values_list("file_digest", flat=True))
    return {
        key: digest
        for batch in batches(shared)
        for key, digest in rows.filter(file_digest__in=batch).values_list("pk", "file_digest")
    }


def add_equal_files(
    entry_of: dict[Any, int],
    neighbours: Callable[[int], Iterable[int]],
    count: int,
    equal_files: Mapping[Any, str],
    wanted: Iterable[Any],
) -> Matches:
    """Add the rows whose hashes are not compared, in entries of their own: one for each file, or for each other row.

    `count` is the number of entries so far. Most equal files have equal hashes; entries that share a file although they
    differ become neighbours.
    """
    added: dict[Any, int] = {}
    for key in wanted:
        if key not in entry_of:
            entry_of[key] = added.setdefault(equal_files.get(key, (key,)), count + len(added))
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


def match_entries(
    fingerprints: Fingerprints, options: GroupingOptions, progress: Callable[[int], object]
) -> Neighbours:
    pairs: list[MatchingPairs] = [self_join(fingerprints, options.max_distance, progress=progress)]
    if options.any_orientation:
        pairs.append(orientation_join(fingerprints, TURNED, options.max_distance))
    return Neighbours.of(fingerprints.size, pairs)


class MatchingPairs(Protocol):
    @property
    def first(self) -> Positions: ...
    @property
    def second(self) -> Positions: ...


@dataclass(frozen=True)
class Neighbours:
    """The entries that match each entry, in compressed sparse rows: those of entry e begin at `starts[e]`."""

    starts: Positions
    others: Positions

    @classmethod
    def of(cls, count: int, pairs: Sequence[MatchingPairs]) -> Neighbours:
        firsts = np.concatenate([end for pair in pairs for end in (pair.first, pair.second)])
        seconds = np.concatenate([end for pair in pairs for end in (pair.second, pair.first)])
        counts = np.bincount(firsts, minlength=count)
        return cls(np.append(0, np.cumsum(counts)), seconds[np.argsort(firsts, kind="stable")])

    def __call__(self, entry: int) -> list[int]:
        found: list[int] = self.others[self.starts[entry] : self.starts[entry + 1]].tolist()
        return found
