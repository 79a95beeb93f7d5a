from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from django.db.models import Count
from django.utils.translation import gettext as _

from hashing.db.paging import batches, rows_with_keys
from hashing.fingerprint.orientations import TURNED
from hashing.grouping.clustering import Matches
from hashing.grouping.hash_table import Entries, read_hashes
from hashing.grouping.options import GroupingOptions, PhaseListener
from hashing.grouping.versions import read_mixed_pairs, still_matching, versions_of
from hashing.hamming_join.fingerprints import Flags, Positions
from hashing.hamming_join.orientation_join import orientation_join
from hashing.hamming_join.self_join import self_join
from hashing.models.querysets import ImageAssetQuerySet
from hashing.search.similar import has_version


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
    versions = versions_of(rows, keys)
    tables = [
        Entries.of(
            read_hashes(rows.hashed().filter(has_version(version)), keys, share_of(progress, _("Reading"), part))
        )
        for version, part in zip(versions, parts_of_a_whole(len(versions)), strict=True)
    ]
    matched = MatchedTables()
    for entries, part in zip(tables, parts_of_a_whole(len(versions)), strict=True):
        matched.add(entries, match_entries(entries, options, share_of(progress, _("Comparing"), part)), wanted)
    mixed = read_mixed_pairs(keys, rows.db) if len(versions) > 1 else {}
    matched.add_pairs(still_matching(mixed, options))
    found = add_equal_files(matched.entries_of, matched, matched.count, equal_files, wanted)
    return replace(found, mixed=mixed)


def parts_of_a_whole(count: int) -> list[tuple[int, int]]:
    return [(number, count) for number in range(count)]


def share_of(progress: PhaseListener, phase: str, part: tuple[int, int]) -> Callable[[int], object]:
    """Return a listener to one of the parts of a phase, numbered from 0."""
    number, count = part
    return lambda percent: progress(phase, (100 * number + percent) // count)


class MatchedTables:
    """The entries of several tables, numbered one table after the other. `entries_of` has those of the rows that match.

    Calling it with an entry returns its neighbours.
    """

    def __init__(self) -> None:
        self.entries_of: dict[Any, tuple[int, ...]] = {}
        self.count = 0
        self._starts: list[int] = []
        self._neighbours: list[Callable[[int], Sequence[int]]] = []

    def add(self, entries: Entries, neighbours: Neighbours, wanted: Collection[Any]) -> None:
        """Add the rows of a table that match another one, and those `wanted` in any case."""
        chosen = (entries.match_themselves & (entries.sizes > 1)) | (np.diff(neighbours.starts) > 0)
        chosen[entries.with_keys(wanted)] = True
        start, found = self._begin(neighbours, len(entries)), entries.entries_by_key(chosen)
        if start:
            found = {key: tuple(start + entry for entry in own) for key, own in found.items()}
        # Mostly there is one table, which may be large.
        self.entries_of = self.entries_of | found if self.entries_of else found

    def add_pairs(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Add an entry for each pair of rows."""
        chosen = list(pairs)
        start = self._begin(lambda entry: (entry,), len(chosen))
        for entry, pair in enumerate(chosen, start=start):
            for key in pair:
                self.entries_of[key] = (*self.entries_of.get(key, ()), entry)

    def _begin(self, neighbours: Callable[[int], Sequence[int]], count: int) -> int:
        start = self.count
        self._starts.append(start)
        self._neighbours.append(neighbours)
        self.count += count
        return start

    def __call__(self, entry: int) -> Sequence[int]:
        # The last table that begins at or before the entry.
        number = bisect_right(self._starts, entry) - 1
        start = self._starts[number]
        found = self._neighbours[number](entry - start)
        return [start + other for other in found] if start else found


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
    entries_of: dict[Any, tuple[int, ...]],
    neighbours: Callable[[int], Sequence[int]],
    count: int,
    equal_files: Mapping[Any, str],
    wanted: Iterable[Any],
) -> Matches:
    """Add an entry for each file that several rows have, and the wanted rows that match nothing.

    `count` is the number of entries so far.
    """
    added: dict[str, int] = {}
    for key in wanted:
        entries_of.setdefault(key, ())
    for key, digest in equal_files.items():
        entries_of[key] = (*entries_of[key], added.setdefault(digest, count + len(added)))
    return Matches(entries_of, lambda entry: neighbours(entry) if entry < count else (entry,))


def match_entries(entries: Entries, options: GroupingOptions, progress: Callable[[int], object]) -> Neighbours:
    fingerprints = entries.fingerprints
    found: list[MatchingPairs] = [self_join(fingerprints, options.max_distance, progress=progress)]
    if options.any_orientation:
        found.append(orientation_join(fingerprints, TURNED, options.max_distance))
    return Neighbours.of(entries.match_themselves, [without_own_insides(pairs, entries) for pairs in found])


class MatchingPairs(Protocol):
    @property
    def first(self) -> Positions: ...
    @property
    def second(self) -> Positions: ...


class EntryPairs(NamedTuple):
    first: Positions
    second: Positions


def without_own_insides(pairs: MatchingPairs, entries: Entries) -> EntryPairs:
    """Leave out the matches of an image with what is inside its own frame."""
    others = ~entries.are_one_row(pairs.first, pairs.second)
    return EntryPairs(pairs.first[others], pairs.second[others])


@dataclass(frozen=True)
class Neighbours:
    """The other entries that match each entry, in compressed sparse rows: those of entry e begin at `starts[e]`.

    Calling it with an entry returns them, and the entry itself if it is one of those that `match_themselves`.
    """

    starts: Positions
    others: Positions
    match_themselves: Flags

    @classmethod
    def of(cls, match_themselves: Flags, pairs: Sequence[MatchingPairs]) -> Neighbours:
        firsts = np.concatenate([end for pair in pairs for end in (pair.first, pair.second)])
        seconds = np.concatenate([end for pair in pairs for end in (pair.second, pair.first)])
        counts = np.bincount(firsts, minlength=len(match_themselves))
        starts = np.append(0, np.cumsum(counts))
        return cls(starts, seconds[np.argsort(firsts, kind="stable")], match_themselves)

    def __call__(self, entry: int) -> list[int]:
        found: list[int] = self.others[self.starts[entry] : self.starts[entry + 1]].tolist()
        return [entry, *found] if self.match_themselves[entry] else found
