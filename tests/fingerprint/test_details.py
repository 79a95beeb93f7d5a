from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, features

from hashing.fingerprint.compute import hash_image_file
from hashing.fingerprint.details import jpeg_quality
from hashing.fingerprint.fingerprint import FileDetails
from samples.pictures import encoded, photo

SIZE = (64, 48)


def details(content: bytes) -> FileDetails:
    return hash_image_file(io.BytesIO(content)).details


def with_alpha(lowest: int, mode: str = "RGBA", place: tuple[int, int] = (SIZE[0] - 1, SIZE[1] - 1)) -> Image.Image:
    image = photo(size=SIZE).convert(mode)
    alpha = Image.new("L", SIZE, 255)
    alpha.putpixel(place, lowest)
    image.putalpha(alpha)
    return image


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "JPEG2000"])
def test_format_is_named_as_pillow_does(image_format):
    assert details(encoded(photo(size=SIZE), image_format)).file_format == image_format


def test_the_first_picture_of_several_is_a_jpeg():
    assert details(encoded(photo(size=SIZE), "MPO")).file_format == "JPEG"


def test_quality_is_that_of_the_whole_file_although_a_smaller_scale_is_decoded():
    assert details(encoded(photo(size=(900, 700)), "JPEG", quality=63)).jpeg_quality == 63


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("lowest", "is_transparent"), [(254, True), (0, True), (255, False)])
def test_one_pixel_that_is_not_opaque_is_transparency(image_format, lowest, is_transparent):
    options = {"lossless": True} if image_format == "WEBP" else {}
    assert details(encoded(with_alpha(lowest), image_format, **options)).is_transparent == is_transparent


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_transparency_of_avif():
    assert details(encoded(with_alpha(0), "AVIF")).is_transparent
    assert not details(encoded(photo(size=SIZE), "AVIF")).is_transparent


def test_grey_with_alpha():
    assert details(encoded(with_alpha(0, "L"), "PNG")).is_transparent
    assert not details(encoded(with_alpha(255, "L"), "PNG")).is_transparent


@pytest.mark.parametrize("image_format", ["PNG", "GIF"])
@pytest.mark.parametrize(("transparent", "expected"), [(1, True), (2, False)])
def test_a_transparent_colour_of_a_palette_counts_only_where_it_is_used(image_format, transparent, expected):
    image = Image.frombytes("P", (16, 8), bytes([0, 1] * 64))
    image.putpalette([0, 0, 0, 255, 255, 255, 255, 0, 0])
    assert details(encoded(image, image_format, transparency=transparent, optimize=False)).is_transparent == expected


@pytest.mark.parametrize(("transparent", "expected"), [((10, 20, 30), True), ((1, 2, 3), False)])
def test_a_transparent_colour_without_a_palette(transparent, expected):
    image = Image.new("RGB", SIZE, "white")
    image.putpixel((3, 3), (10, 20, 30))
    assert details(encoded(image, "PNG", transparency=transparent)).is_transparent == expected


@pytest.mark.parametrize(("transparent", "expected"), [(500, True), (501, False)])
def test_a_transparent_level_of_16_bits(transparent, expected):
    levels = np.full(SIZE[::-1], 40_000, np.uint16)
    levels[0, 0] = 500
    assert details(encoded(Image.fromarray(levels), "PNG", transparency=transparent)).is_transparent == expected


@pytest.mark.parametrize("place", [(0, 0), (SIZE[0] - 1, SIZE[1] - 1)])
def test_transparency_in_one_of_many_tiles_is_found(place, monkeypatch):
    monkeypatch.setattr("hashing.fingerprint.modes.TILE_PIXELS", 64)
    assert details(encoded(with_alpha(254, place=place), "PNG")).is_transparent
    assert not details(encoded(with_alpha(255), "PNG")).is_transparent


def saved(mode: str = "RGB", **options) -> Image.Image:
    file = io.BytesIO()
    photo(size=(96, 72)).convert(mode).save(file, "JPEG", **options)
    return Image.open(file)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("quality", [5, 10, 49, 50, 51, 75, 90, 99, 100])
def test_quality_of_libjpeg_is_exact(mode, quality):
    assert jpeg_quality(saved(mode, quality=quality)) == quality


# Tables of Photoshop, with the quality at which libjpeg makes a file as large.
@pytest.mark.parametrize(("preset", "quality"), [("web_low", 38), ("web_high", 81), ("medium", 73), ("maximum", 93)])
def test_quality_of_other_tables_is_near_that_of_a_file_as_large(preset, quality):
    assert abs(jpeg_quality(saved(quality=preset)) - quality) <= 3


def test_one_changed_number_does_not_change_the_estimate():
    tables = {number: list(table) for number, table in saved(quality=80).quantization.items()}
    tables[0][20] += 1
    assert jpeg_quality(saved(qtables=tables)) == 80


def test_tables_of_16_bits_have_the_lowest_quality():
    image = saved(quality=80)
    image.quantization = {0: [60_000] * 64, 1: [60_000] * 64}
    assert jpeg_quality(image) == 1


@pytest.mark.parametrize("tables", [{}, {0: [1, 2, 3]}])
def test_missing_or_short_tables_have_no_quality(tables):
    image = saved(quality=80)
    image.quantization = tables
    assert jpeg_quality(image) is None


def test_other_formats_have_no_quality():
    assert jpeg_quality(photo(size=(96, 72))) is None
