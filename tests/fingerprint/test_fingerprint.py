from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.fingerprint.fingerprint import HASH_BITS, Fingerprint
from hashing.perceptual_hash import (
    are_images_similar,
    compute_fingerprint,
    compute_hash_hamming_distance,
)

HASHES = st.integers(0, 2**HASH_BITS - 1).map("{:016x}".format)


def fingerprint(content: bytes, **options: int) -> Fingerprint:
    return compute_fingerprint(io.BytesIO(content), **options)


def test_the_distance_counts_the_bits_that_differ():
    assert compute_hash_hamming_distance("0000000000000000", "8000000000000001") == 2
    assert compute_hash_hamming_distance("00000000000000ff", "000000000000000f") == 4


def test_opposite_hashes_are_64_apart():
    assert compute_hash_hamming_distance("0" * 16, "f" * 16) == 64


@given(HASHES)
def test_equal_hashes_have_distance_0(left: str):
    assert compute_hash_hamming_distance(left, left) == 0


@given(HASHES, HASHES)
def test_the_distance_is_symmetric_and_from_0_to_64(left: str, right: str):
    distance = compute_hash_hamming_distance(left, right)
    assert distance == compute_hash_hamming_distance(right, left)
    assert 0 <= distance <= 64
    assert (distance == 0) == (left == right)


@given(HASHES, HASHES, HASHES)
def test_the_triangle_inequality_holds(left: str, between: str, right: str):
    way_round = compute_hash_hamming_distance(left, between) + compute_hash_hamming_distance(between, right)
    assert compute_hash_hamming_distance(left, right) <= way_round


@given(HASHES, st.sets(st.integers(0, HASH_BITS - 1)))
def test_every_differing_bit_counts_once(left: str, bits: set[int]):
    right = f"{int(left, 16) ^ sum(1 << bit for bit in bits):016x}"
    assert compute_hash_hamming_distance(left, right) == len(bits)


@given(HASHES, HASHES)
def test_upper_case_counts_as_lower_case(left: str, right: str):
    assert compute_hash_hamming_distance(left.upper(), right) == compute_hash_hamming_distance(left, right)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "xyz",
        "000000000000000g",
        "0x00000000000000",
        "0000_0000_0000_0",
        " 000000000000000",
        "000000000000000\n",
        "-000000000000001",
        "\uff10" * 16,
    ],
)
def test_text_that_is_not_hexadecimal_is_refused(bad: str):
    for pair in ((bad, "0" * 16), ("0" * 16, bad), (bad, bad)):
        with pytest.raises(ValueError, match="Not a hexadecimal hash"):
            compute_hash_hamming_distance(*pair)


@pytest.mark.parametrize(("left", "right"), [("0" * 16, "0" * 15), ("0", "00"), ("f" * 16, "f" * 32)])
def test_hashes_of_unequal_length_are_refused(left: str, right: str):
    with pytest.raises(ValueError, match=f"unequal length: {len(left)} and {len(right)}"):
        compute_hash_hamming_distance(left, right)


# Similarity


def test_pictures_within_the_threshold_are_similar():
    assert are_images_similar("0" * 16, "000000000000001f", threshold=5)


def test_pictures_beyond_the_threshold_are_not_similar():
    assert not are_images_similar("0" * 16, "000000000000003f", threshold=5)


def test_the_default_threshold_is_5():
    assert are_images_similar("0" * 16, "000000000000001f")
    assert not are_images_similar("0" * 16, "000000000000003f")


def test_at_threshold_0_only_equal_hashes_are_similar():
    assert are_images_similar("0" * 16, "0" * 16, threshold=0)
    assert not are_images_similar("0" * 16, "0" * 15 + "1", threshold=0)


def test_at_threshold_64_everything_is_similar():
    assert are_images_similar("0" * 16, "f" * 16, threshold=64)
    assert not are_images_similar("0" * 16, "f" * 16, threshold=63)


@pytest.mark.parametrize("threshold", [-1, 65, 1000])
def test_a_threshold_outside_0_to_64_is_refused(threshold: int):
    with pytest.raises(ValueError, match=f"between 0 and 64, not {threshold}"):
        are_images_similar("0" * 16, "0" * 16, threshold=threshold)


def test_similarity_of_a_malformed_hash_is_refused():
    with pytest.raises(ValueError, match="Not a hexadecimal hash"):
        are_images_similar("no hash", "0" * 16)


@given(HASHES, HASHES, st.integers(0, 64))
def test_similarity_follows_the_distance(left: str, right: str, threshold: int):
    assert are_images_similar(left, right, threshold) == (compute_hash_hamming_distance(left, right) <= threshold)
