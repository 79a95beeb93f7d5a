from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.search.bands import BANDS, INSIDE_BANDS, PERCEPTUAL_BANDS
from hashing.search.candidates import masks
from hashing.search.plan import COSTS, MAX_RADIUS, choose_plan, count_within

SIZES = [0, 1, 1000, 10**5, 10**6, 10**7, 10**9]
DISTANCES = [0, 1, 4, 5, 6, 10, 16, 20, 21, 25, 33, 48, 76]


@pytest.mark.parametrize("vendor", COSTS)
@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("bands", [BANDS, PERCEPTUAL_BANDS])
def test_radii_add_up_to_a_complete_answer(bands, rows, vendor):
    for distance, copies in itertools.product(DISTANCES, [1, 8]):
        radii = choose_plan(bands, distance, rows, copies, vendor).radii
        if radii is not None:
            assert sum(radii) == distance - (len(bands) - 1)
            assert -1 <= min(radii) <= max(radii) <= MAX_RADIUS


@settings(deadline=None)
@given(st.sampled_from([BANDS, INSIDE_BANDS]), st.sets(st.integers(0, 127), max_size=25), st.sampled_from(SIZES))
def test_some_band_is_within_its_radius(bands, flipped, rows):
    radii = choose_plan(bands, len(flipped), rows, 1, "postgresql").radii
    if radii is None:
        return
    copy = f"{sum(1 << bit for bit in flipped):032x}"
    differing = [band.value_of(copy).bit_count() for band in bands]
    assert any(bits <= radius for bits, radius in zip(differing, radii, strict=True))


@pytest.mark.parametrize("vendor", COSTS)
def test_radii_are_the_cheapest(vendor):
    def time(radii: tuple[int, ...]) -> float:
        return sum(
            count_within(band.bits, radius) * (costs.lookup + costs.row * band.skew * 2**20 / 2**band.bits)
            for band, radius in zip(BANDS, radii, strict=True)
        )

    costs = COSTS[vendor]
    options = [radii for radii in itertools.product(range(-1, 4), repeat=6) if sum(radii) == 5]
    chosen = choose_plan(BANDS, 10, 2**20, 1, vendor)
    assert time(chosen.radii) == pytest.approx(min(map(time, options)))
    assert chosen.milliseconds == pytest.approx(time(chosen.radii) / 1000)


def test_equal_fingerprints_take_one_band():
    assert sorted(choose_plan(BANDS, 0, 10**6, 1, "postgresql").radii) == [-1, -1, -1, -1, -1, 0]


def test_larger_table_takes_more_values_and_a_small_one_a_scan():
    def looked_up(rows: int) -> int:
        radii = choose_plan(BANDS, 20, rows, 1, "postgresql").radii
        return sum(count_within(band.bits, radius) for band, radius in zip(BANDS, radii, strict=True))

    assert looked_up(10**5) < looked_up(10**6) <= looked_up(10**8)
    assert choose_plan(BANDS, 20, 100, 1, "postgresql").radii is None


def test_few_rows_of_a_partial_index_are_all_read():
    few, many = (choose_plan(INSIDE_BANDS, 20, rows, 1, "sqlite", is_partial=True) for rows in (100, 200_000))
    assert few.radii is None
    assert few.milliseconds < many.milliseconds
    assert many.radii is not None


def test_distance_that_no_radii_cover_is_a_scan():
    assert choose_plan(BANDS, 6 * MAX_RADIUS + 5, 10**12, 1, "sqlite").radii is not None
    assert choose_plan(BANDS, 6 * MAX_RADIUS + 6, 10**12, 1, "sqlite").radii is None


@pytest.mark.parametrize("distance", [0, 10, 20, 76])
def test_more_rows_and_more_copies_take_longer(distance):
    one, larger, turned = (
        choose_plan(BANDS, distance, rows, copies, "postgresql").milliseconds
        for rows, copies in [(10**6, 1), (10**7, 1), (10**6, 8)]
    )
    assert one < larger
    assert one < turned


@pytest.mark.parametrize("width", [20, 24])
@pytest.mark.parametrize("radius", range(-1, 4))
def test_count_within_is_the_number_of_masks(width, radius):
    assert count_within(width, radius) == len(masks(range(width), radius))
