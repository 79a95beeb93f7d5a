from __future__ import annotations

import io

import pytest
from PIL import Image

from hashing.fingerprint.jpeg_quality import jpeg_quality
from samples.pictures import photo


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
