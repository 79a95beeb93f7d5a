from __future__ import annotations

import numpy as np
import pytest

from hashing.fingerprint.kernel import ALL_CELLS, Side, covered_pixels, lanczos, to_fixed_point
from hashing.fingerprint.runs import MAX_RUN, make_run_kernel, runs_of_cell, sum_of_weights


def weights_of_pixels(side: Side, cell: int) -> np.ndarray:
    (first,), (last,) = covered_pixels(side, slice(cell, cell + 1))
    weights = lanczos(side, np.arange(first, last), cell)
    return to_fixed_point(weights, weights.sum())


@pytest.mark.parametrize(
    "side", [Side(9001, 9001), Side(12000, 11999.25), Side(80_021, 80_021), Side(300_007, 300_007)]
)
def test_every_pixel_has_the_weight_that_the_formula_gives_it(side: Side):
    for cell in range(ALL_CELLS.stop):
        runs = runs_of_cell(side, cell)
        np.testing.assert_array_equal(np.repeat(runs.weights, np.diff(runs.starts)), weights_of_pixels(side, cell))


@pytest.mark.parametrize("cell", [0, 4, 12, 50, 80])
def test_weights_are_summed_up_by_a_few_of_them(cell: int):
    side = Side(3_000_000, 3_000_000)
    (first,), (last,) = covered_pixels(side, slice(cell, cell + 1))
    exact = lanczos(side, np.arange(first, last), cell).sum()
    assert sum_of_weights(side, cell, first, last) == pytest.approx(exact, rel=1e-13)


def test_a_side_of_millions_of_pixels_has_thousands_of_runs():
    side = Side(4_000_000, 4_000_000)
    kernel = make_run_kernel(side)
    assert len(kernel.starts) < 20_000
    assert np.diff(kernel.starts).max() <= MAX_RUN


def test_the_pixels_of_a_run_are_added_up():
    side = Side(100_000, 100_000)
    kernel = make_run_kernel(side)
    lines = np.random.default_rng(1).integers(0, 256, (2, side.length)).astype(np.uint8)
    sums = kernel.sums(lines)
    for run in (0, 1, len(kernel.starts) // 2, len(kernel.starts) - 1):
        first, last = [*kernel.starts, side.length][run : run + 2]
        np.testing.assert_array_equal(sums[:, run], lines[:, first:last].sum(axis=1))
