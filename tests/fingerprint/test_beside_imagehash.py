from __future__ import annotations

import io

import imagehash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, __version__

from hashing.fingerprint.fingerprint import Fingerprint
from hashing.perceptual_hash import (
    compute_fingerprint,
    compute_hash_hamming_distance,
)
from samples.pictures import encoded, photo

PILLOW_13 = int(__version__.split(".")[0]) >= 13


def fingerprint(content: bytes, **options: int) -> Fingerprint:
    return compute_fingerprint(io.BytesIO(content), **options)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(9, 400), st.integers(9, 400), st.sampled_from(["L", "RGB", "1", "CMYK"]))
def test_small_hashes_equal_those_of_imagehash(seed: int, width: int, height: int, mode: str):
    # Before version 13, Pillow resized tall pictures differently.
    size = (width, height) if PILLOW_13 else (max(width, height), min(width, height))
    image = photo(seed % 10**6, size).convert(mode)
    found = fingerprint(encoded(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert found.perceptual_hash == str(imagehash.dhash(image))
    assert found.vertical_hash == str(imagehash.dhash_vertical(image))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [(700, 600), (413, 301), (1203, 805)])
def test_the_hashes_of_a_reduced_jpeg_are_close_to_those_of_imagehash(seed: int, size: tuple[int, int]):
    content = encoded(photo(seed, size), "JPEG", quality=85)
    found = fingerprint(content)
    with Image.open(io.BytesIO(content)) as image:
        expected = imagehash.dhash(image), imagehash.dhash_vertical(image), imagehash.phash(image, hash_size=16)
    for ours, theirs, limit in zip(found[:3], map(str, expected), (3, 3, 16), strict=True):
        assert compute_hash_hamming_distance(ours, theirs) <= limit


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_reduced_and_turned_jpeg_has_the_hashes_of_its_pixels(orientation: int):
    # At a quarter, 813 x 605 pixels end in the first quarter of a pixel; turned, they begin in it.
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(photo(5, (813, 605)), "JPEG", quality=90, exif=exif)
    found = fingerprint(content)
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image)
    expected = imagehash.dhash(upright), imagehash.dhash_vertical(upright), imagehash.phash(upright, hash_size=16)
    for ours, theirs, limit in zip(found[:3], map(str, expected), (1, 1, 8), strict=True):
        assert compute_hash_hamming_distance(ours, theirs) <= limit


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(64, 400), st.integers(64, 400))
def test_the_detail_hash_equals_the_phash_of_imagehash(seed: int, width: int, height: int):
    image = photo(seed, (max(width, height), min(width, height)))
    found = fingerprint(encoded(image, "PNG"))
    assert found.detail_hash == str(imagehash.phash(image, hash_size=16))
