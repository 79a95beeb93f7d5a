from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np

from hashing.hamming_join.fingerprints import Fingerprints, Flags, Positions, Values

PositionPairs = tuple[Positions, Positions]

# Words handled at a time: few enough for a core's caches, enough to make NumPy's calls cheap.
BLOCK = 1 << 16
# With a smaller share of a block left to compare, it is better to fetch these one by one.
SPARSE = 0.1
# From this size on, the words of a bucket are compared row by row instead of in step with all other buckets.
LARGE_BUCKET = 256


def pairs_within(words: Values, errors: int) -> Iterator[PositionPairs]:
    """Blocks of positions (i, j), i < j, of all words that differ in at most `errors` bits."""
    start = 0
    while start < len(words) - 1:
        others = words[start + 1 :]
        rows = max(1, BLOCK // len(others))
        first, second = _close(words[start : start + rows, None] ^ others, errors)
        # A row is compared with the rows before it, too.
        later = second >= first
        yield start + first[later], start + 1 + second[later]
        start += rows


def pairs_across(some: Values, others: Values, errors: int) -> Iterator[PositionPairs]:
    """Blocks of positions (i, j) of words some[i] and others[j] that differ in at most `errors` bits."""
    rows = max(1, BLOCK // max(1, len(others)))
    for start in range(0, len(some), rows):
        first, second = _close(some[start : start + rows, None] ^ others, errors)
        yield start + first, second


def large_buckets(same: Flags) -> list[slice]:
    """Where more than `LARGE_BUCKET` words in a row have the same key; `same`: as the next word."""
    ends = np.append(np.flatnonzero(~same) + 1, len(same))
    starts = np.append(0, ends[:-1])
    large = np.flatnonzero(ends - starts > LARGE_BUCKET)
    return [slice(int(starts[each]), int(ends[each])) for each in large]


def pairs_in_buckets(words: Values, same: Flags, errors: int) -> Iterator[PositionPairs]:
    """As `pairs_within`, of the words with the same key, and of some others.

    The last value of `same` must be False. Pairs come that have different keys: those between words that are near in
    the order.
    """
    ends = []
    for start in range(0, len(words), BLOCK):
        left = yield from _in_step(words, same, start, errors)
        ends.append(left)
    if not ends:
        return
    active, following = (np.concatenate(side) for side in zip(*ends, strict=True))
    for start in range(0, len(active), BLOCK):
        part = slice(start, start + BLOCK)
        yield from _one_by_one(words, same, active[part], following[part], errors)


def _in_step(words: Values, same: Flags, start: int, errors: int) -> Generator[PositionPairs, None, PositionPairs]:
    """A block with the next word of each, then the next but one, ... Returns what is left when few are."""
    alive, step = same[start : start + BLOCK].copy(), 1
    while np.count_nonzero(alive) > SPARSE * len(alive):
        others = words[start + step : start + step + len(alive)]
        alive = alive[: len(others)]
        close = start + np.flatnonzero(np.bitwise_count(others ^ words[start : start + len(others)]) <= errors)
        yield close, close + step
        alive &= same[start + step : start + step + len(alive)]
        step += 1
    active = start + np.flatnonzero(alive)
    return active, active + step


def _one_by_one(
    words: Values, same: Flags, active: Positions, following: Positions, errors: int
) -> Iterator[PositionPairs]:
    """Each active position with the one that follows, then with the next, as long as the bucket goes on."""
    while len(active):
        close = np.flatnonzero(np.bitwise_count(words.take(active) ^ words.take(following)) <= errors)
        yield active.take(close), following.take(close)
        more = same.take(following)
        active, following = active.compress(more), following.compress(more) + 1


def _close(differences: Values, errors: int) -> PositionPairs:
    close = np.flatnonzero(np.bitwise_count(differences) <= errors)
    return np.divmod(close, differences.shape[1])


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
