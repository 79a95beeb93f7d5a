"""Fingerprints whose small hashes are equal, as one value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hashing.hamming_join.fingerprints import Fingerprints, Positions

PositionPairs = tuple[Positions, Positions]

# Pairs of rows that are made at a time.
CHUNK = 1 << 19


class Buckets:
    """Each bucket has the rows with one value of `perceptual` and `vertical`; buckets are numbered in their order."""

    def __init__(self, fingerprints: Fingerprints) -> None:
        perceptual, vertical = fingerprints.perceptual, fingerprints.vertical
        self._rows = np.lexsort((vertical, perceptual))
        perceptual, vertical = perceptual[self._rows], vertical[self._rows]
        is_first = np.ones(len(self._rows), np.bool_)
        is_first[1:] = (perceptual[1:] != perceptual[:-1]) | (vertical[1:] != vertical[:-1])
        self._starts = np.flatnonzero(is_first)
        self.perceptual, self.vertical = perceptual[is_first], vertical[is_first]
        self.sizes = np.diff(self._starts, append=len(self._rows))

    def shared(self) -> Positions:
        """Return the buckets with several rows."""
        return np.flatnonzero(self.sizes > 1)

    def pairs_of_rows(self, i: Positions, j: Positions) -> Iterator[PositionPairs]:
        """Each row of bucket `i[n]` with each of bucket `j[n]`, for all n, in chunks; once each where i[n] is j[n]."""
        if len(self._starts) == len(self._rows):
            different = i != j
            yield self._rows[i[different]], self._rows[j[different]]
            return
        for part in _parts(self.sizes[i]):
            left, right = i[part], j[part]
            slots = _ranges(self._starts[left], self.sizes[left])
            right, inside = np.repeat(right, self.sizes[left]), np.repeat(left == right, self.sizes[left])
            begins = np.where(inside, slots + 1, self._starts[right])
            counts = self._starts[right] + self.sizes[right] - begins
            for piece in _parts(counts):
                first, second = np.repeat(slots[piece], counts[piece]), _ranges(begins[piece], counts[piece])
                yield self._rows[first], self._rows[second]


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
