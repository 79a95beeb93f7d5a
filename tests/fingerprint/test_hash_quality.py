from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFilter

from hashing.fingerprint.compute import measure_quality
from hashing.fingerprint.grid import shrink
from samples.pictures import blank, gradient, logo, photo

# Below it, copies must be less than half as far apart as those of a good picture may be.
CLEAR = 50
GREY_LEVELS = st.integers(0, 255)


def quality_of(image: Image.Image) -> int:
    grids = shrink(image.convert("L"))
    return measure_quality(grids.wide, grids.tall)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_blank_page_has_no_quality(level: int):
    assert quality_of(blank(level=level)) == 0


@pytest.mark.parametrize("noise", [1, 5, 20])
@pytest.mark.parametrize("size", [(640, 480), (300, 900)])
def test_a_blank_page_full_of_scanner_noise_is_below_the_limit(size: tuple[int, int], noise: int):
    assert quality_of(blank(size, level=230, noise=noise)) < CLEAR


@pytest.mark.parametrize("shape", ["text", "circle", "rectangle", "triangle"])
@pytest.mark.parametrize("size", [(640, 480), (300, 500)])
def test_a_logo_on_white_is_below_the_limit(shape: str, size: tuple[int, int]):
    assert quality_of(logo(shape, size)) < CLEAR


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4, 0.6, 0.8])
def test_the_ripples_beside_an_edge_are_no_content(share: float):
    page = blank((400, 400))
    side = round(400 * share)
    page.paste(0, (200 - side // 2, 200 - side // 2, 200 + side // 2, 200 + side // 2))
    assert quality_of(page) < CLEAR


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("degrees", [0, 17, 45, 90, 120, 180, 200, 270, 315])
def test_a_plain_gradient_is_below_the_limit(degrees: float, power: int):
    assert quality_of(gradient(degrees, power=power)) < CLEAR


@pytest.mark.parametrize("seed", range(20))
def test_a_photograph_is_above_the_limit(seed: int):
    assert quality_of(photo(seed, (320, 240))) >= CLEAR


@pytest.mark.parametrize("seed", range(5))
def test_a_photograph_out_of_focus_is_above_the_limit(seed: int):
    assert quality_of(photo(seed, (320, 240)).filter(ImageFilter.GaussianBlur(6))) >= CLEAR


def test_a_photograph_on_half_a_white_page_has_less_quality_than_alone():
    page = blank((640, 480)).convert("RGB")
    page.paste(photo(size=(320, 480)))
    assert quality_of(page) < quality_of(photo(size=(320, 480)))


@given(arrays(np.uint8, (8, 9), elements=GREY_LEVELS), arrays(np.uint8, (9, 8), elements=GREY_LEVELS))
def test_quality_is_a_whole_number_from_0_to_100(wide: np.ndarray, tall: np.ndarray):
    quality = measure_quality(wide, tall)
    assert type(quality) is int
    assert 0 <= quality <= 100


def test_quality_is_100_where_light_and_dark_alternate():
    wide = np.tile(np.array([0, 255, 0, 255, 0, 255, 0, 255, 0], dtype=np.uint8), (8, 1))
    assert measure_quality(wide, wide.T) == 100


@given(arrays(np.uint8, (8, 9), elements=GREY_LEVELS), arrays(np.uint8, (9, 8), elements=GREY_LEVELS))
def test_quality_of_the_negative_is_the_same(wide: np.ndarray, tall: np.ndarray):
    assert measure_quality(255 - wide, 255 - tall) == measure_quality(wide, tall)
