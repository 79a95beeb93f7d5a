from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hashing.fingerprint.compute import fingerprint_of_picture
from hashing.fingerprint.decoding import TRANSPOSE_METHODS, picture_from_pil
from hashing.fingerprint.fingerprint import DETAIL_BITS, HASH_BITS, Hashes, parse_hashes
from hashing.fingerprint.orientations import IS_FLIPPED, IS_MIRRORED, IS_TRANSPOSED, Orientation, orient
from samples.pictures import photo

HASHES = st.builds(
    Hashes,
    st.integers(0, 2**HASH_BITS - 1),
    st.integers(0, 2**HASH_BITS - 1),
    st.integers(0, 2**DETAIL_BITS - 1),
)
INVERSE = {Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT, Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT}


def hashes_of(image: Image.Image) -> Hashes[int]:
    return parse_hashes(*fingerprint_of_picture(picture_from_pil(image))[:3])


@pytest.mark.parametrize("orientation", TRANSPOSE_METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_hashes_of_a_turned_picture_follow_from_the_upright_one(orientation: Orientation, seed: int):
    picture = photo(seed=seed, size=(640, 480))
    derived = orient(hashes_of(picture), orientation)
    real = hashes_of(picture.transpose(TRANSPOSE_METHODS[orientation]))
    # Equally bright neighbours cost a bit each, and so does each frequency between the medians of the two pictures.
    for one, other, limit in zip(derived, real, (3, 3, 24), strict=True):
        assert (one ^ other).bit_count() <= limit


@given(HASHES)
def test_upright_changes_nothing(hashes: Hashes[int]):
    assert orient(hashes, Orientation.UPRIGHT) == hashes


@given(HASHES, st.sampled_from(Orientation))
def test_turning_back_restores_the_hashes(hashes: Hashes[int], orientation: Orientation):
    assert orient(orient(hashes, orientation), INVERSE.get(orientation, orientation)) == hashes


def detail_oriented_bit_by_bit(detail: int, orientation: Orientation) -> int:
    bits = np.array([digit == "1" for digit in f"{detail:0256b}"]).reshape(16, 16)
    if orientation in IS_TRANSPOSED:
        bits = bits.T.copy()
    if orientation in IS_MIRRORED:
        bits[:, 1::2] = ~bits[:, 1::2]
    if orientation in IS_FLIPPED:
        bits[1::2] = ~bits[1::2]
    return int.from_bytes(np.packbits(bits).tobytes())


@given(HASHES, st.sampled_from(Orientation))
def test_odd_frequencies_are_negated_and_directions_swapped(hashes: Hashes[int], orientation: Orientation):
    assert orient(hashes, orientation).detail == detail_oriented_bit_by_bit(hashes.detail, orientation)


def as_arrays(pictures: list[Hashes[int]]) -> Hashes[np.ndarray]:
    words = [
        [picture.detail >> shift & 2**HASH_BITS - 1 for shift in range(DETAIL_BITS - HASH_BITS, -1, -HASH_BITS)]
        for picture in pictures
    ]
    small = ([getattr(picture, name) for picture in pictures] for name in ("perceptual", "vertical"))
    return Hashes(
        *(np.array(column, np.uint64) for column in small),
        np.array(words, np.uint64).reshape(-1, DETAIL_BITS // HASH_BITS),
    )


@given(st.lists(HASHES, max_size=5), st.sampled_from(Orientation))
def test_arrays_are_turned_like_integers(pictures: list[Hashes[int]], orientation: Orientation):
    turned = orient(as_arrays(pictures), orientation)
    for column, expected in zip(turned, as_arrays([orient(each, orientation) for each in pictures]), strict=True):
        assert column.dtype == np.uint64
        np.testing.assert_array_equal(column, expected)
