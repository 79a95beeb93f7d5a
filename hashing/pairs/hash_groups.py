"""Entries with the same hash, as one group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
PositionPairs = tuple[Positions, Positions]

# Pairs of entries that are made at a time.
CHUNK = 1 << 19


class HashGroups:
    """Groups are numbered in the order of their hashes, entries by their positions in the array."""

    def __init__(self, hashes: Values) -> None:
        self._entries = np.argsort(hashes)
        ordered = hashes[self._entries]
        is_first = np.ones(len(hashes), np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
        self._starts = np.flatnonzero(is_first)
        self.hashes = ordered[self._starts]
        self.sizes = np.diff(self._starts, append=len(hashes))

    def entries_of(self, chosen: npt.NDArray[np.bool_]) -> Positions:
        """The entries in the groups that are `chosen`, group by group."""
        return self._entries[np.repeat(chosen, self.sizes)]

    def pairs_of_entries(self, i: Positions, j: Positions) -> Iterator[PositionPairs]:
        """Each entry of group `i[n]` with each of group `j[n]`, for all n, in chunks; once each where i[n] is j[n]."""
        for part in _parts(self.sizes[i]):
            left, right = i[part], j[part]
            slots = _ranges(self._starts[left], self.sizes[left])
            right, inside = np.repeat(right, self.sizes[left]), np.repeat(left == right, self.sizes[left])
            begins = np.where(inside, slots + 1, self._starts[right])
            counts = self._starts[right] + self.sizes[right] - begins
            for piece in _parts(counts):
                first, second = np.repeat(slots[piece], counts[piece]), _ranges(begins[piece], counts[piece])
                yield self._entries[first], self._entries[second]


def _parts(weights: Positions) -> Iterator[slice]:
    """Slices that weigh at most `CHUNK` each, or are of one item."""
    passed = np.cumsum(weights)
    start = 0
    while start < len(weights):
        limit = passed[start] - weights[start] + CHUNK
        stop = max(start + 1, int(np.searchsorted(passed, limit, side="right")))
        yield slice(start, stop)
        start = stop


def _ranges(starts: Positions, lengths: Positions) -> Positions:
    """`range(start, start + length)` for each, one after the other."""
    offsets = starts - (np.cumsum(lengths) - lengths)
    return np.repeat(offsets, lengths) + np.arange(int(lengths.sum()))
