"""Comparing what has the same key: pairs within a distance, among values sorted by their highest bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
PositionPairs = tuple[Positions, Positions]
Share = Callable[[float], object]

# Values handled at a time: few enough for a core's caches, enough to make NumPy's calls cheap.
BLOCK = 1 << 17
# With a smaller share of a block left to compare, it is better to fetch these one by one.
SPARSE = 0.25
# From this length, a run is compared row by row with itself instead of in step with all other runs.
LONG_RUN = 64


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
    for start in range(0, len(values), BLOCK):
        alive, step = same[start : start + BLOCK].copy(), 1
        while np.count_nonzero(alive) > SPARSE * len(alive):
            following = values[start + step : start + step + len(alive)]
            alive = alive[: len(following)]
            differences = following ^ values[start : start + len(following)]
            close = start + np.flatnonzero((np.bitwise_count(differences) <= distance) & alive)
            yield close, close + step
            alive[: len(same) - start - step] &= same[start + step : start + step + len(alive)]
            step += 1
        yield from _far_steps(values, same, start + np.flatnonzero(alive), step, distance)


def _far_steps(
    values: Values, same: npt.NDArray[np.bool_], active: Positions, step: int, distance: int
) -> Iterator[PositionPairs]:
    """From `step` on, while `active` positions have a value so far on in their run."""
    while len(active):
        following = active + step
        close = np.flatnonzero(np.bitwise_count(values.take(active) ^ values.take(following)) <= distance)
        yield active.take(close), following.take(close)
        active = active.compress(same.take(following))
        step += 1


def _same_as_next(values: Values, rest: np.uint64) -> npt.NDArray[np.bool_]:
    same = np.zeros(len(values), np.bool_)
    for start in range(0, len(values) - 1, BLOCK):
        block = values[start : start + BLOCK + 1]
        same[start : start + len(block) - 1] = (block[1:] ^ block[:-1]) <= rest
    return same


def _close(differences: Values, distance: int) -> PositionPairs:
    close = np.flatnonzero(np.bitwise_count(differences) <= distance)
    return np.divmod(close, differences.shape[1])
