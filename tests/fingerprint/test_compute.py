from __future__ import annotations

import math
from itertools import chain

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFilter

from hashing.fingerprint.compute import COSINE_SCALE, FREQUENCIES, low_frequency_bits, measure_quality
from hashing.fingerprint.grid import shrink
from hashing.fingerprint.kernel import SQUARE_SIDE
from samples.pictures import blank, gradient, logo, photo

SQUARES = arrays(np.uint8, (SQUARE_SIDE, SQUARE_SIDE))
COSINES = [
    [round(COSINE_SCALE * math.cos(math.pi / SQUARE_SIDE * (cell + 0.5) * frequency)) for cell in range(SQUARE_SIDE)]
    for frequency in range(FREQUENCIES)
]


def bits_of(image: Image.Image) -> np.ndarray:
    return low_frequency_bits(shrink(image.convert("L")).square)


def bits_in_whole_numbers(square: np.ndarray) -> list[list[bool]]:
    """Follow the formula with integers of any length."""
    rows = square.tolist()
    across = [[sum(map(int.__mul__, cosines, row)) for cosines in COSINES] for row in rows]
    columns = list(zip(*across, strict=True))
    frequencies = [[sum(map(int.__mul__, cosines, column)) for column in columns] for cosines in COSINES]
    in_order = sorted(chain.from_iterable(frequencies))
    twice_the_median = sum(in_order[len(in_order) // 2 - 1 : len(in_order) // 2 + 1])
    return [[2 * frequency > twice_the_median for frequency in row] for row in frequencies]


@settings(max_examples=15, deadline=None)
@given(SQUARES)
def test_bits_equal_those_of_exact_arithmetic(square: np.ndarray):
    assert low_frequency_bits(square).tolist() == bits_in_whole_numbers(square)


@pytest.mark.parametrize("level", [0, 1, 255])
def test_a_uniform_square_has_only_its_mean(level: int):
    bits = low_frequency_bits(np.full((SQUARE_SIDE, SQUARE_SIDE), level, dtype=np.uint8))
    assert bits.sum() == bool(level)
    assert bits[0, 0] == bool(level)


def test_the_largest_sum_is_exact():
    # White where the cosines of a frequency are positive in both directions: the largest sum of products.
    signs = np.sign(COSINES[FREQUENCIES - 1])
    square = np.where(np.outer(signs, signs) > 0, 255, 0).astype(np.uint8)
    assert low_frequency_bits(square).tolist() == bits_in_whole_numbers(square)
    assert 255 * sum(map(abs, COSINES[0])) ** 2 < 2**52


def test_rows_are_vertical_and_columns_horizontal_frequencies():
    # Dark to light from left to right: the first horizontal frequency is far below 0, and there are no vertical ones.
    bits = bits_of(gradient(0))
    assert bits[0, 0]
    assert not bits[0, 1]
    assert bits_of(gradient(90))[0, 0]
    assert not bits_of(gradient(90))[1, 0]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [(320, 240), (300, 500), (64, 64)])
def test_bits_equal_the_phash_of_imagehash(seed: int, size: tuple[int, int]):
    image = photo(seed, size).convert("L")
    np.testing.assert_array_equal(bits_of(image), imagehash.phash(image, hash_size=FREQUENCIES).hash)


def test_half_of_the_bits_of_a_photograph_are_set():
    assert bits_of(photo()).sum() == FREQUENCIES**2 // 2


def test_a_blank_page_has_one_bit_set():
    assert bits_of(blank()).sum() == 1


# Below this quality, the limit of a match is less than half of that of good pictures.
MIN_CLEAR_QUALITY = 50
GREY_LEVELS = st.integers(0, 255)


def quality_of(image: Image.Image) -> int:
    grids = shrink(image.convert("L"))
    return measure_quality(grids.wide, grids.tall)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_blank_page_has_no_quality(level: int):
    assert quality_of(blank(level=level)) == 0


@pytest.mark.parametrize("noise", [1, 5, 20])
@pytest.mark.parametrize("size", [(640, 480), (300, 900)])
def test_a_blank_page_with_scanner_noise_has_low_quality(size: tuple[int, int], noise: int):
    assert quality_of(blank(size, level=230, noise=noise)) < MIN_CLEAR_QUALITY


@pytest.mark.parametrize("shape", ["text", "circle", "rectangle", "triangle"])
@pytest.mark.parametrize("size", [(640, 480), (300, 500)])
def test_a_logo_on_white_has_low_quality(shape: str, size: tuple[int, int]):
    assert quality_of(logo(shape, size)) < MIN_CLEAR_QUALITY


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4, 0.6, 0.8])
def test_ripples_beside_an_edge_do_not_raise_the_quality(share: float):
    page = blank((400, 400))
    side = round(400 * share)
    page.paste(0, (200 - side // 2, 200 - side // 2, 200 + side // 2, 200 + side // 2))
    assert quality_of(page) < MIN_CLEAR_QUALITY


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("degrees", [0, 17, 45, 90, 120, 180, 200, 270, 315])
def test_a_plain_gradient_has_low_quality(degrees: float, power: int):
    assert quality_of(gradient(degrees, power=power)) < MIN_CLEAR_QUALITY


@pytest.mark.parametrize("seed", range(20))
def test_a_photograph_has_high_quality(seed: int):
    assert quality_of(photo(seed, (320, 240))) >= MIN_CLEAR_QUALITY


@pytest.mark.parametrize("seed", range(5))
def test_a_photograph_out_of_focus_has_high_quality(seed: int):
    assert quality_of(photo(seed, (320, 240)).filter(ImageFilter.GaussianBlur(6))) >= MIN_CLEAR_QUALITY


def test_a_photograph_on_half_a_white_page_has_less_quality_than_alone():
    page = blank((640, 480)).convert("RGB")
    page.paste(photo(size=(320, 480)))
    assert quality_of(page) < quality_of(photo(size=(320, 480)))


@given(arrays(np.uint8, (8, 9), elements=GREY_LEVELS), arrays(np.uint8, (9, 8), elements=GREY_LEVELS))
def test_quality_is_an_integer_from_0_to_100(wide: np.ndarray, tall: np.ndarray):
    quality = measure_quality(wide, tall)
    assert type(quality) is int
    assert 0 <= quality <= 100


def test_alternating_light_and_dark_cells_have_quality_100():
    wide = np.tile(np.array([0, 255, 0, 255, 0, 255, 0, 255, 0], dtype=np.uint8), (8, 1))
    assert measure_quality(wide, wide.T) == 100


@given(arrays(np.uint8, (8, 9), elements=GREY_LEVELS), arrays(np.uint8, (9, 8), elements=GREY_LEVELS))
def test_a_negative_has_the_same_quality(wide: np.ndarray, tall: np.ndarray):
    assert measure_quality(255 - wide, 255 - tall) == measure_quality(wide, tall)
