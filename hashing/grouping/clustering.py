from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from hashing.fingerprint.fingerprint import Hashes, parse_hashes
from hashing.fingerprint.orientations import Orientation, orient
from hashing.fingerprint.similarity import BEST_QUALITY, LARGEST_DISTANCE, is_match


class StoredFingerprint(NamedTuple):
    """As it is in the row."""

    perceptual_hash: str | None
    vertical_hash: str | None
    detail_hash: str | None
    hash_quality: int | None
    file_digest: str | None

    @property
    def hashes(self) -> Hashes[int] | None:
        """Perceptual, vertical and detail hash; None where one of them is missing."""
        try:
            return parse_hashes(self.perceptual_hash or "", self.vertical_hash or "", self.detail_hash or "")
        except ValueError:
            return None


class KeeperDistances:
    """Distances of other pictures to one, as it lies or, in any orientation, as its copies may lie."""

    def __init__(self, keeper: StoredFingerprint, max_distance: int, *, any_orientation: bool) -> None:
        self._keeper = keeper
        self._max_distance = max_distance
        orientations = Orientation if any_orientation else (Orientation.UPRIGHT,)
        hashes = keeper.hashes
        self._copies = [(int(each), orient(hashes, each)) for each in orientations] if hashes else []

    def measure(self, other: StoredFingerprint) -> tuple[int, int]:
        """Return the distance and the orientation of the best match.

        Equal files have the distance 0; pictures of which one has no hashes, the largest there is.
        """
        digest = self._keeper.file_digest
        if digest is not None and digest == other.file_digest:
            return 0, int(Orientation.UPRIGHT)
        hashes = other.hashes
        if hashes is None or not self._copies:
            return LARGEST_DISTANCE, int(Orientation.UPRIGHT)
        quality = _lower_quality(self._keeper, other)
        found = [(*_distances(copy, hashes), orientation) for orientation, copy in self._copies]
        fitting = [each for each in found if is_match(*each[:2], quality, self._max_distance)]
        return min((small + detail, orientation) for small, detail, orientation in fitting or found)


def _lower_quality(one: StoredFingerprint, other: StoredFingerprint) -> int:
    return min(BEST_QUALITY if each.hash_quality is None else each.hash_quality for each in (one, other))


def _distances(one: Hashes[int], other: Hashes[int]) -> tuple[int, int]:
    """Bits in which the small hashes differ, and those of the large one."""
    perceptual, vertical, detail = ((mine ^ theirs).bit_count() for mine, theirs in zip(one, other, strict=True))
    return perceptual + vertical, detail


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
