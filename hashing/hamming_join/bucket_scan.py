"""Near pairs among sorted words: within buckets, whose words have equal keys, or among all of them."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np

from hashing.hamming_join.fingerprints import Flags, Positions, Values

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
