from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont, ImageOps

from hashing.fingerprint.frames import PixelBox, find_inside
from hashing.perceptual_hash import compute_fingerprint
from samples.pictures import blank, encoded, logo, photo, random_pixels, waves

WIDTH, HEIGHT = 160, 120
widths = st.integers(0, 60)


def inside_of(image: Image.Image) -> PixelBox | None:
    return find_inside(np.asarray(image.convert("L")))


def picture(seed: int = 1) -> Image.Image:
    """A picture whose edges are not plain."""
    return random_pixels(seed, (WIDTH, HEIGHT)).convert("L")


@given(left=widths, top=widths, right=widths, bottom=widths, colour=st.integers(0, 255))
def test_frame_of_any_colour_and_width_is_found(left, top, right, bottom, colour):
    framed = ImageOps.expand(picture(), (left, top, right, bottom), colour)
    soft = [1 if width else 0 for width in (left, top, right, bottom)]
    expected = PixelBox(left + soft[0], top + soft[1], left + WIDTH - soft[2], top + HEIGHT - soft[3])
    assert inside_of(framed) == (expected if any(soft) else None)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (20, 20), (640, 480)])
def test_picture_of_one_colour_has_no_inside(size):
    assert inside_of(blank(size)) is None


@pytest.mark.parametrize("image", [photo(3), waves(5), random_pixels(2)], ids=["photo", "waves", "noise"])
def test_picture_without_a_frame_has_no_inside(image):
    assert inside_of(image) is None


def test_frame_around_a_frame_is_removed_as_well():
    once = ImageOps.expand(picture(), (0, 30), 0)
    twice = ImageOps.expand(once, 10, 255)
    left, top, right, bottom = inside_of(twice)
    assert twice.crop((left, top, right, bottom)).size == (WIDTH - 2, HEIGHT - 2)


def test_too_little_inside_is_none():
    small = picture().resize((26, 26))
    assert inside_of(ImageOps.expand(small, 20, 255)) == (21, 21, 45, 45)
    assert inside_of(ImageOps.expand(small.resize((24, 24)), 20, 255)) is None
    assert inside_of(ImageOps.expand(small, 60, 255)) is None


def test_edge_that_ends_gradually_is_no_frame():
    assert inside_of(logo("circle")) is None
    sky = blank((WIDTH, 40), 200)
    hills = Image.composite(picture(), blank((WIDTH, HEIGHT), 200), Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    landscape = Image.new("L", (WIDTH, HEIGHT + 40))
    landscape.paste(sky)
    landscape.paste(hills, (0, 40))
    assert inside_of(landscape) is None


def test_gradual_edge_is_as_wide_as_the_opposite_one():
    merging = picture()
    below_a_slope = [(0, HEIGHT - 20), (WIDTH, HEIGHT // 2), (WIDTH, HEIGHT), (0, HEIGHT)]
    ImageDraw.Draw(merging).polygon(below_a_slope, fill=255)
    assert inside_of(ImageOps.expand(merging, (0, 30), 255)) == (0, 31, WIDTH, HEIGHT + 29)


@pytest.mark.parametrize(("size", "deviation"), [((200, 150), 4), ((500, 375), 8)])
def test_noise_hides_no_frame(size, deviation):
    framed = np.asarray(ImageOps.expand(photo(3, size).convert("L"), 20, 255)).astype(np.int16)
    noise = np.random.default_rng(1).normal(0, deviation, framed.shape)
    noisy = np.clip(framed + noise, 0, 255).astype(np.uint8)
    np.testing.assert_allclose(find_inside(noisy), (20, 20, 20 + size[0], 20 + size[1]), atol=3)


def write(image: Image.Image, position: tuple[int, int], text: str) -> None:
    ImageDraw.Draw(image).text(position, text, fill=0, font=ImageFont.load_default(10))


def test_frame_with_text_is_found():
    framed = ImageOps.expand(picture(), (10, 40, 10, 30), 255)
    write(framed, (20, 5), "Some words above a picture")
    write(framed, (20, 20), "and a second line of them")
    write(framed, (100, 175), "somebody")
    assert inside_of(framed) == (11, 41, 10 + WIDTH - 1, 40 + HEIGHT - 1)


def test_text_before_something_plain_is_no_frame():
    dialog = blank((WIDTH, HEIGHT), 200)
    dialog.paste(255, (10, 40, WIDTH - 10, HEIGHT - 10))
    write(dialog, (20, 10), "The title of a dialog")
    write(dialog, (20, 60), "and something in it")
    _left, top, _right, _bottom = inside_of(dialog)
    assert top < 20


@pytest.mark.parametrize("options", [{"quality": 30}, {"quality": 90}])
@pytest.mark.parametrize("scale", [1, 0.5])
def test_copies_of_a_framed_picture_have_the_same_inside(options, scale):
    framed = ImageOps.expand(photo(3, (500, 375)).convert("L"), 50, 255)
    copy = ImageOps.scale(framed, scale, Image.Resampling.LANCZOS)
    box = compute_fingerprint(io.BytesIO(encoded(copy, "JPEG", **options))).inside.box
    np.testing.assert_allclose(box, (83, 105, 917, 895), atol=16)


@pytest.mark.parametrize("size", [(500, 375), (1111, 777)])
def test_file_that_is_not_reduced_has_the_inside_of_one_that_is(size):
    framed = ImageOps.expand(photo(3, size).convert("L"), 50, 255)
    reduced, full = (compute_fingerprint(io.BytesIO(encoded(framed, each))).inside for each in ("JPEG", "PNG"))
    np.testing.assert_allclose(full.box, reduced.box, atol=8)


def test_inside_has_the_hashes_of_a_crop():
    framed = ImageOps.expand(picture(), 20, 255)
    inside = compute_fingerprint(io.BytesIO(encoded(framed, "PNG"))).inside
    crop = compute_fingerprint(io.BytesIO(encoded(framed.crop((21, 21, 179, 139)), "PNG")))
    assert inside[:4] == crop[:4]
    assert inside.box == (100, 125, 900, 875)
