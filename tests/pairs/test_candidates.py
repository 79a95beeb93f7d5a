from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from hashing.pairs import candidates
from hashing.pairs.candidates import LONG_RUN, long_runs, pairs_in_short_runs, pairs_within
from tests.pairs.brute_force import clustered_hashes

REST_BITS = 40
REST = np.uint64((1 << REST_BITS) - 1)


@pytest.fixture(params=[8, 100, 1 << 16])
def block(request, monkeypatch) -> int:
    """Small ones, so that short arrays have many."""
    monkeypatch.setattr(candidates, "BLOCK", request.param)
    return request.param


def runs_of(*lengths: int) -> np.ndarray:
    """Sorted values in runs that have their highest bits in common."""
    random = np.random.default_rng(1)
    lowest = clustered_hashes(sum(lengths), 2, 3, 8) & REST
    highest = np.sort(random.choice(2**24, len(lengths), replace=False)).astype(np.uint64) << np.uint64(REST_BITS)
    return np.sort(np.repeat(highest, lengths) | lowest)


def found(blocks) -> list[tuple[int, int]]:
    pairs = [pair for i, j in blocks for pair in zip(i.tolist(), j.tolist(), strict=True)]
    assert len(set(pairs)) == len(pairs)
    return sorted(pairs)


def expected(values: np.ndarray, distance: int, rest: int) -> list[tuple[int, int]]:
    numbered = enumerate(int(value) for value in values)
    pairs = combinations(numbered, 2)
    return [(i, j) for (i, a), (j, b) in pairs if (a ^ b).bit_count() <= distance and a ^ b <= rest]


@pytest.mark.parametrize("distance", [0, 3, 10, 64])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 99, 300])
def test_all_within_the_distance_are_found(block: int, count: int, distance: int):
    values = clustered_hashes(count, 3, 4, 6)
    assert found(pairs_within(values, distance)) == expected(values, distance, 2**64)


def test_comparing_tells_its_share_rising_to_one(block: int):
    shares: list[float] = []
    list(pairs_within(clustered_hashes(300, 3, 4, 6), 3, shares.append))
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] == 1


@pytest.mark.parametrize("distance", [0, 3, 10, 64])
@pytest.mark.parametrize(
    "lengths", [[1], [1, 1, 1], [2], [5, 1, 9, 30], [1] * 50 + [20], [40, *[1] * 300, 40], [3] * 100]
)
def test_only_within_short_runs_pairs_are_found(block: int, lengths: list[int], distance: int):
    values = runs_of(*lengths)
    assert found(pairs_in_short_runs(values, REST, distance, [])) == expected(values, distance, int(REST))


def test_runs_are_long_from_one_more_than_the_limit():
    values = runs_of(3, LONG_RUN + 1, 1, LONG_RUN, 2 * LONG_RUN, LONG_RUN + 5)
    starts = np.cumsum([3, LONG_RUN + 1, 1, LONG_RUN, 2 * LONG_RUN]).tolist()
    assert long_runs(values, REST) == [
        slice(3, 3 + LONG_RUN + 1),
        slice(starts[3], starts[3] + 2 * LONG_RUN),
        slice(starts[4], starts[4] + LONG_RUN + 5),
    ]


def test_no_run_is_long_among_few_values():
    assert long_runs(runs_of(LONG_RUN), REST) == []


def test_pairs_of_long_runs_are_left_out(block: int):
    values = runs_of(4, 50, 3)
    short = np.concatenate([values[:4], values[54:]])
    pairs = found(pairs_in_short_runs(values, REST, 20, [slice(4, 54)]))
    assert [(i if i < 4 else i - 50, j if j < 4 else j - 50) for i, j in pairs] == expected(short, 20, int(REST))
    assert pairs
