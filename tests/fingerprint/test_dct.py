from __future__ import annotations

import math
from itertools import chain

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from PIL import Image

from hashing.fingerprint.compute import COSINE_SCALE, FREQUENCIES, low_frequency_bits
from hashing.fingerprint.grid import SQUARE_SIDE, shrink
from samples.pictures import blank, gradient, photo

SQUARES = arrays(np.uint8, (SQUARE_SIDE, SQUARE_SIDE))
COSINES = [
    [round(COSINE_SCALE * math.cos(math.pi / SQUARE_SIDE * (cell + 0.5) * frequency)) for cell in range(SQUARE_SIDE)]
    for frequency in range(FREQUENCIES)
]


def bits_of(image: Image.Image) -> np.ndarray:
    return low_frequency_bits(shrink(image.convert("L")).square)


def bits_in_whole_numbers(square: np.ndarray) -> list[list[bool]]:
    """The same by the formula, with numbers of any length."""
    rows = square.tolist()
    across = [[sum(map(int.__mul__, cosines, row)) for cosines in COSINES] for row in rows]
    columns = list(zip(*across, strict=True))
    frequencies = [[sum(map(int.__mul__, cosines, column)) for column in columns] for cosines in COSINES]
    in_order = sorted(chain.from_iterable(frequencies))
    twice_the_median = sum(in_order[len(in_order) // 2 - 1 : len(in_order) // 2 + 1])
    return [[2 * frequency > twice_the_median for frequency in row] for row in frequencies]


@settings(max_examples=15, deadline=None)
@given(SQUARES)
def test_bits_are_those_of_whole_numbers_of_any_length(square: np.ndarray):
    assert low_frequency_bits(square).tolist() == bits_in_whole_numbers(square)


@pytest.mark.parametrize("level", [0, 1, 255])
def test_a_square_of_one_level_has_no_frequency_but_its_mean(level: int):
    bits = low_frequency_bits(np.full((SQUARE_SIDE, SQUARE_SIDE), level, dtype=np.uint8))
    assert bits.sum() == bool(level)
    assert bits[0, 0] == bool(level)


def test_the_largest_sum_is_exact():
    # White where all cosines of a frequency are positive, in both directions: no sum of products is larger.
    signs = np.sign(COSINES[FREQUENCIES - 1])
    square = np.where(np.outer(signs, signs) > 0, 255, 0).astype(np.uint8)
    assert low_frequency_bits(square).tolist() == bits_in_whole_numbers(square)
    assert 255 * sum(map(abs, COSINES[0])) ** 2 < 2**52


def test_rows_are_vertical_frequencies_and_columns_horizontal_ones():
    # Dark to light from left to right: the first horizontal frequency is far below 0, and vertical ones are none.
    bits = bits_of(gradient(0))
    assert bits[0, 0]
    assert not bits[0, 1]
    assert bits_of(gradient(90))[0, 0]
    assert not bits_of(gradient(90))[1, 0]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [(320, 240), (300, 500), (64, 64)])
def test_bits_are_those_of_the_phash_of_imagehash(seed: int, size: tuple[int, int]):
    image = photo(seed, size).convert("L")
    np.testing.assert_array_equal(bits_of(image), imagehash.phash(image, hash_size=FREQUENCIES).hash)


def test_half_of_the_bits_of_a_photograph_are_set():
    assert bits_of(photo()).sum() == FREQUENCIES**2 // 2


def test_a_blank_page_is_no_photograph():
    assert bits_of(blank()).sum() == 1
