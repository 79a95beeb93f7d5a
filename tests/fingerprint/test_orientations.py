from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hashing.fingerprint.compute import fingerprint_of_picture
from hashing.fingerprint.decoding import picture_from_pil
from hashing.fingerprint.orientations import (
    ALL_BITS,
    IS_FLIPPED,
    IS_MIRRORED,
    IS_TRANSPOSED,
    Orientation,
    orient,
    orient_detail,
)
from samples.pictures import photo

BITS = st.integers(0, 2**64 - 1)
DETAILS = st.integers(0, 2**256 - 1)
OPERATIONS = {
    Orientation.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation.HALF_TURN: Image.Transpose.ROTATE_180,
    Orientation.FLIPPED: Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation.TRANSPOSED: Image.Transpose.TRANSPOSE,
    Orientation.TURNED_RIGHT: Image.Transpose.ROTATE_270,
    Orientation.TRANSVERSED: Image.Transpose.TRANSVERSE,
    Orientation.TURNED_LEFT: Image.Transpose.ROTATE_90,
}
INVERSE = {Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT, Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT}


def hashes(image: Image.Image) -> tuple[int, int]:
    found = fingerprint_of_picture(picture_from_pil(image))
    return int(found.perceptual_hash, 16), int(found.vertical_hash, 16)


@pytest.mark.parametrize("orientation", OPERATIONS)
@pytest.mark.parametrize("seed", range(4))
def test_hashes_of_a_turned_picture_are_known_from_the_upright_one(orientation, seed):
    picture = photo(seed=seed, size=(640, 480))
    derived = orient(*hashes(picture), orientation)
    real = hashes(picture.transpose(OPERATIONS[orientation]))
    # Neighbours that are equally bright take a bit each.
    assert [(one ^ other).bit_count() <= 3 for one, other in zip(derived, real, strict=True)] == [True, True]


@given(BITS, BITS)
def test_upright_changes_nothing(perceptual, vertical):
    assert orient(perceptual, vertical, Orientation.UPRIGHT) == (perceptual, vertical)


@given(BITS, BITS, st.sampled_from(Orientation))
def test_turning_back_gives_the_hashes_that_were(perceptual, vertical, orientation):
    turned = orient(perceptual, vertical, orientation)
    assert orient(*turned, INVERSE.get(orientation, orientation)) == (perceptual, vertical)


@given(st.lists(st.tuples(BITS, BITS), min_size=1, max_size=5), st.sampled_from(Orientation))
def test_arrays_are_turned_like_whole_numbers(couples, orientation):
    turned = orient(*(np.array(column, dtype=np.uint64) for column in zip(*couples, strict=True)), orientation)
    assert list(zip(*(column.tolist() for column in turned), strict=True)) == [
        orient(*couple, orientation) for couple in couples
    ]


def detail(image: Image.Image) -> int:
    return int(fingerprint_of_picture(picture_from_pil(image)).detail_hash, 16)


def words(detail_hash: int) -> list[int]:
    return [detail_hash >> shift & ALL_BITS for shift in (192, 128, 64, 0)]


def oriented_bit_by_bit(detail_hash: int, orientation: Orientation) -> int:
    bits = np.array([digit == "1" for digit in f"{detail_hash:0256b}"]).reshape(16, 16)
    if orientation in IS_TRANSPOSED:
        bits = bits.T.copy()
    if orientation in IS_MIRRORED:
        bits[:, 1::2] = ~bits[:, 1::2]
    if orientation in IS_FLIPPED:
        bits[1::2] = ~bits[1::2]
    return int.from_bytes(np.packbits(bits).tobytes())


@pytest.mark.parametrize("orientation", OPERATIONS)
@pytest.mark.parametrize("seed", range(4))
def test_the_detail_hash_of_a_turned_picture_is_known_from_the_upright_one(orientation, seed):
    picture = photo(seed=seed, size=(320, 240)).convert("L")
    derived = orient_detail(detail(picture), orientation)
    # As many as lie between the median of one and that of the other.
    assert (derived ^ detail(picture.transpose(OPERATIONS[orientation]))).bit_count() <= 24


@given(DETAILS, st.sampled_from(Orientation))
def test_odd_frequencies_are_negated_and_directions_swapped(detail_hash, orientation):
    assert orient_detail(detail_hash, orientation) == oriented_bit_by_bit(detail_hash, orientation)


@given(DETAILS, st.sampled_from(Orientation))
def test_turning_back_gives_the_detail_hash_that_was(detail_hash, orientation):
    back = INVERSE.get(orientation, orientation)
    assert orient_detail(orient_detail(detail_hash, orientation), back) == detail_hash


@given(st.lists(DETAILS, max_size=5), st.sampled_from(Orientation))
def test_arrays_of_detail_hashes_are_turned_like_whole_numbers(details, orientation):
    array = np.array([words(each) for each in details], dtype=np.uint64).reshape(-1, 4)
    turned = orient_detail(array, orientation)
    assert turned.dtype == np.uint64
    assert turned.tolist() == [words(orient_detail(each, orientation)) for each in details]
