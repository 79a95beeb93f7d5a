"""Comparing what has the same key: pairs within a distance, among values sorted by their highest bits."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
PositionPairs = tuple[Positions, Positions]
Share = Callable[[float], object]

# Values handled at a time: few enough for a core's caches, enough to make NumPy's calls cheap.
BLOCK = 1 << 16
# With a smaller share of a block left to compare, it is better to fetch these one by one.
SPARSE = 0.1
# From this length, a run is compared row by row with itself instead of in step with all other runs.
LONG_RUN = 256


def pairs_within(values: Values, distance: int, done: Share = lambda _share: None) -> Iterator[PositionPairs]:
    """Blocks of positions (i, j), i < j, of all values that differ in at most `distance` bits.

    `done` is told the share of the work that is done, 0.0 to 1.0, now and then.
    """
    start = 0
    while start < len(values) - 1:
        others = values[start + 1 :]
        rows = max(1, BLOCK // len(others))
        first, second = _close(values[start : start + rows, None] ^ others, distance)
        # A row is compared with the rows before it, too.
        later = second >= first
        yield start + first[later], start + 1 + second[later]
        start += rows
        # What is left of the triangle of all pairs is a smaller triangle.
        done(1 - max(0, 1 - start / len(values)) ** 2)


def long_runs(values: Values, rest: np.uint64) -> list[slice]:
    """Where more than `LONG_RUN` values in a row differ only in bits of `rest`, the lowest bits."""
    starts = np.flatnonzero((values[LONG_RUN:] ^ values[:-LONG_RUN]) <= rest)
    if not len(starts):
        return []
    runs = np.split(starts, np.flatnonzero(np.diff(starts) > 1) + 1)
    return [slice(int(run[0]), int(run[-1]) + LONG_RUN + 1) for run in runs]


def pairs_in_short_runs(values: Values, rest: np.uint64, distance: int, long: list[slice]) -> Iterator[PositionPairs]:
    """As `pairs_within`, of values that differ only in bits of `rest`; without those in the runs `long`."""
    same = _same_as_next(values, rest)
    for run in long:
        same[run] = False
    ends = []
    for start in range(0, len(values), BLOCK):
        left = yield from _in_step(values, same, start, distance)
        ends.append(left)
    active, following = (np.concatenate(side) for side in zip(*ends, strict=True))
    for start in range(0, len(active), BLOCK):
        part = slice(start, start + BLOCK)
        yield from _one_by_one(values, same, active[part], following[part], distance)


def _in_step(values: Values, same: Flags, start: int, distance: int) -> Generator[PositionPairs, None, PositionPairs]:
    """A block with the next value of each, then the next but one, ... Returns what is left when few are."""
    alive, step = same[start : start + BLOCK].copy(), 1
    while np.count_nonzero(alive) > SPARSE * len(alive):
        others = values[start + step : start + step + len(alive)]
        alive = alive[: len(others)]
        differences = others ^ values[start : start + len(others)]
        close = start + np.flatnonzero((np.bitwise_count(differences) <= distance) & alive)
        yield close, close + step
        alive &= same[start + step : start + step + len(alive)]
        step += 1
    active = start + np.flatnonzero(alive)
    return active, active + step


def _one_by_one(
    values: Values, same: Flags, active: Positions, following: Positions, distance: int
) -> Iterator[PositionPairs]:
    """Each active position with the one that follows, then with the next, as long as the run goes on."""
    while len(active):
        close = np.flatnonzero(np.bitwise_count(values.take(active) ^ values.take(following)) <= distance)
        yield active.take(close), following.take(close)
        more = same.take(following)
        active, following = active.compress(more), following.compress(more) + 1


def _same_as_next(values: Values, rest: np.uint64) -> Flags:
    same = np.zeros(len(values), np.bool_)
    for start in range(0, len(values) - 1, BLOCK):
        block = values[start : start + BLOCK + 1]
        same[start : start + len(block) - 1] = (block[1:] ^ block[:-1]) <= rest
    return same


def _close(differences: Values, distance: int) -> PositionPairs:
    close = np.flatnonzero(np.bitwise_count(differences) <= distance)
    return np.divmod(close, differences.shape[1])
