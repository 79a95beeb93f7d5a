from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hashing.hamming_join.bucket_scan import PositionPairs
from hashing.hamming_join.fingerprints import Fingerprints, Positions

# Pairs of rows that are made at a time.
CHUNK = 1 << 19


class Buckets:
    """Rows with equal small hashes share a bucket, so that each pair of hashes is joined once.

    `perceptual`, `vertical` and `sizes` have one value for each bucket.
    """

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
        """Yield, in chunks, each row of bucket `i[n]` with each row of bucket `j[n]`, for all n.

        Where both are the same bucket, each two of its rows come once.
        """
        if len(self._starts) == len(self._rows):
            different = i != j
            yield self._rows[i[different]], self._rows[j[different]]
            return
        for chunk in chunks_of_weight(self.sizes[i]):
            left, right = i[chunk], j[chunk]
            slots = concatenated_ranges(self._starts[left], self.sizes[left])
            right, inside = np.repeat(right, self.sizes[left]), np.repeat(left == right, self.sizes[left])
            begins = np.where(inside, slots + 1, self._starts[right])
            counts = self._starts[right] + self.sizes[right] - begins
            for pairs in chunks_of_weight(counts):
                first = np.repeat(slots[pairs], counts[pairs])
                second = concatenated_ranges(begins[pairs], counts[pairs])
                yield self._rows[first], self._rows[second]


def chunks_of_weight(weights: Positions) -> Iterator[slice]:
    """Yield slices that weigh at most `CHUNK` each, or consist of one item."""
    passed = np.cumsum(weights)
    start = 0
    while start < len(weights):
        limit = passed[start] - weights[start] + CHUNK
        stop = max(start + 1, int(np.searchsorted(passed, limit, side="right")))
        yield slice(start, stop)
        start = stop


def concatenated_ranges(starts: Positions, lengths: Positions) -> Positions:
    """Return `range(start, start + length)` for each start, one after the other."""
    offsets = starts - (np.cumsum(lengths) - lengths)
    return np.repeat(offsets, lengths) + np.arange(int(lengths.sum()))
