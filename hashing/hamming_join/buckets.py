from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np

from hashing.hamming_join.fingerprints import Fingerprints, Flags, Positions, Values

PositionPairs = tuple[Positions, Positions]

# Words handled at a time: few enough for the cache of a core, enough to make NumPy's calls cheap.
BLOCK = 1 << 16
# If a smaller share of a block is left to compare, fetching single words is faster.
SPARSE = 0.1
# Larger buckets are compared row by row instead of in step with all other buckets.
LARGE_BUCKET = 256


def pairs_within(words: Values, errors: int) -> Iterator[PositionPairs]:
    """Yield blocks of positions (i, j), i < j, of all words that differ in at most `errors` bits."""
    start = 0
    while start < len(words) - 1:
        others = words[start + 1 :]
        rows = max(1, BLOCK // len(others))
        differences = words[start : start + rows, None] ^ others
        first, second = np.divmod(np.flatnonzero(np.bitwise_count(differences) <= errors), len(others))
        # A row is compared with the rows before it, too.
        is_later = second >= first
        yield start + first[is_later], start + 1 + second[is_later]
        start += rows


def large_buckets(same: Flags) -> list[slice]:
    """Return where more than `LARGE_BUCKET` consecutive words have the same key; `same` as in `pairs_in_buckets`."""
    ends = np.append(np.flatnonzero(~same) + 1, len(same))
    starts = np.append(0, ends[:-1])
    large = np.flatnonzero(ends - starts > LARGE_BUCKET)
    return [slice(int(starts[each]), int(ends[each])) for each in large]


def pairs_in_buckets(words: Values, same: Flags, errors: int) -> Iterator[PositionPairs]:
    """Yield blocks of positions of words with the same key that differ in at most `errors` bits.

    `same` flags the words whose successor has the same key; the last one must be False. Some pairs of near words with
    different keys come as well.
    """
    remaining = []
    for start in range(0, len(words), BLOCK):
        left = yield from compare_in_step(words, same, start, errors)
        remaining.append(left)
    if not remaining:
        return
    active, following = (np.concatenate(side) for side in zip(*remaining, strict=True))
    for start in range(0, len(active), BLOCK):
        block = slice(start, start + BLOCK)
        yield from compare_singly(words, same, active[block], following[block], errors)


def compare_in_step(
    words: Values, same: Flags, start: int, errors: int
) -> Generator[PositionPairs, None, PositionPairs]:
    """Compare each word of a block with its successor, then with the next one, and so on.

    Return the positions that are left to compare when only few are.
    """
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


def compare_singly(
    words: Values, same: Flags, active: Positions, following: Positions, errors: int
) -> Iterator[PositionPairs]:
    """Compare each active position with the following one, then with the next, up to the end of its bucket."""
    while len(active):
        close = np.flatnonzero(np.bitwise_count(words.take(active) ^ words.take(following)) <= errors)
        yield active.take(close), following.take(close)
        more = same.take(following)
        active, following = active.compress(more), following.compress(more) + 1


# Pairs of rows that are made at a time.
CHUNK = 1 << 19


class Buckets:
    """Rows with equal small hashes share a bucket, so that each pair of hashes is joined once.

    Framed rows have buckets of their own. `perceptual`, `vertical`, `is_framed` and `sizes` have one value for each
    bucket.
    """

    def __init__(self, fingerprints: Fingerprints) -> None:
        perceptual, vertical, is_framed = fingerprints.perceptual, fingerprints.vertical, fingerprints.is_framed
        self._rows = np.lexsort((is_framed, vertical, perceptual))
        perceptual, vertical, is_framed = perceptual[self._rows], vertical[self._rows], is_framed[self._rows]
        is_first = np.ones(len(self._rows), np.bool_)
        is_first[1:] = (perceptual[1:] != perceptual[:-1]) | (vertical[1:] != vertical[:-1])
        is_first[1:] |= is_framed[1:] != is_framed[:-1]
        self._starts = np.flatnonzero(is_first)
        self.perceptual, self.vertical, self.is_framed = perceptual[is_first], vertical[is_first], is_framed[is_first]
        self.sizes = np.diff(self._starts, append=len(self._rows))

    def shared(self) -> Positions:
        """Return the buckets with several rows that may match one another."""
        return np.flatnonzero((self.sizes > 1) & ~self.is_framed)

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
