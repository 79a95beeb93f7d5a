from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, __version__

from hashing.grid import STRIP_ROWS, shrink_both
from tests.pictures import gradient, photo

LANCZOS = Image.Resampling.LANCZOS
CELLS = 8
WIDE, TALL = (CELLS + 1, CELLS), (CELLS, CELLS + 1)
PILLOW_13 = int(__version__.split(".")[0]) >= 13


@st.composite
def grey_images(draw: st.DrawFn) -> Image.Image:
    sides = st.integers(1, 40) | st.integers(1, 700)
    shape = draw(st.tuples(sides, sides))
    random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    pixels = random.randint(0, 256, shape)
    match draw(st.sampled_from(["random", "black and white", "one colour", "edges"])):
        case "black and white":
            pixels = np.where(pixels < 128, 0, 255)
        case "one colour":
            pixels[:] = pixels[0, 0]
        case "edges":
            rows, columns = np.indices(shape)
            pixels = 255 * ((rows // random.randint(1, 99) + columns // random.randint(1, 99)) % 2)
    return Image.fromarray(pixels.astype(np.uint8))


def resized_in_two_passes(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Pillow's resampling with the order of its passes said aloud, which differs between Pillow's versions."""
    columns_first = image.height > size[1] and image.height - size[1] > 2 * (image.width - size[0])
    between = (image.width, size[1]) if columns_first else (size[0], image.height)
    return image.resize(between, LANCZOS).resize(size, LANCZOS)


def assert_same_cells(cells: np.ndarray, expected: Image.Image) -> None:
    assert cells.dtype == np.uint8
    np.testing.assert_array_equal(cells, np.asarray(expected))


@settings(max_examples=80, deadline=None)
@given(grey_images())
def test_both_grids_are_pillows_lanczos_in_two_passes(image: Image.Image):
    wide, tall = shrink_both(image, CELLS)
    assert_same_cells(wide, resized_in_two_passes(image, WIDE))
    assert_same_cells(tall, resized_in_two_passes(image, TALL))


@pytest.mark.skipif(not PILLOW_13, reason="Pillow before 13 takes the passes of tall pictures in another order")
@settings(max_examples=60, deadline=None)
@given(grey_images())
def test_both_grids_are_what_pillow_13_resizes_to(image: Image.Image):
    wide, tall = shrink_both(image, CELLS)
    assert_same_cells(wide, image.resize(WIDE, LANCZOS))
    assert_same_cells(tall, image.resize(TALL, LANCZOS))


@settings(max_examples=30, deadline=None)
@given(grey_images().filter(lambda image: image.width >= image.height))
def test_both_grids_of_a_picture_that_is_not_tall_are_what_every_pillow_resizes_to(image: Image.Image):
    wide, tall = shrink_both(image, CELLS)
    assert_same_cells(wide, image.resize(WIDE, LANCZOS))
    assert_same_cells(tall, image.resize(TALL, LANCZOS))


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),
        (CELLS, CELLS + 1),
        (CELLS + 1, CELLS),
        (1, 700),
        (700, 1),
        (7, 7),
        (300, STRIP_ROWS),
        (300, STRIP_ROWS + 1),
        (61, 5 * STRIP_ROWS - 1),
        (1500, 1100),
    ],
)
def test_both_grids_are_exact_at_the_sizes_where_the_arithmetic_changes(size: tuple[int, int]):
    image = photo(size=size).convert("L")
    wide, tall = shrink_both(image, CELLS)
    assert_same_cells(wide, resized_in_two_passes(image, WIDE))
    assert_same_cells(tall, resized_in_two_passes(image, TALL))


@pytest.mark.parametrize("height", range(100, 120))
def test_both_grids_are_exact_where_the_order_of_the_passes_changes(height: int):
    image = photo(seed=height, size=(60, height)).convert("L")
    wide, tall = shrink_both(image, CELLS)
    assert_same_cells(wide, resized_in_two_passes(image, WIDE))
    assert_same_cells(tall, resized_in_two_passes(image, TALL))


def test_a_picture_of_one_grid_keeps_its_pixels():
    pixels = np.arange(72, dtype=np.uint8).reshape(CELLS, CELLS + 1)
    wide, _ = shrink_both(Image.fromarray(pixels), CELLS)
    np.testing.assert_array_equal(wide, pixels)


def test_a_gradient_rises_from_cell_to_cell():
    wide, tall = shrink_both(gradient(45), CELLS)
    assert (wide[:, 1:] > wide[:, :-1]).all()
    assert (tall[1:] > tall[:-1]).all()


def test_the_number_of_cells_is_the_callers():
    wide, tall = shrink_both(photo(size=(90, 70)).convert("L"), 5)
    assert (wide.shape, tall.shape) == ((5, 6), (6, 5))
