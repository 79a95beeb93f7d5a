from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from hashing.fingerprint.similarity import (
    Likeness,
    Part,
    compared_parts,
    distance_limit,
    distance_of_parts,
    is_match,
    likeness,
    small_limit,
)


def test_module_needs_neither_django_nor_numpy():
    code = "import hashing.fingerprint.similarity, sys; assert not {'django', 'numpy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(("max_distance", "bits"), [(0, 0), (4, 0), (5, 1), (99, 19), (100, 20), (384, 76)])
def test_small_hashes_may_differ_in_a_fifth(max_distance, bits):
    assert small_limit(max_distance) == bits


@pytest.mark.parametrize(
    ("quality", "limit"), [(0, 0), (30, 0), (31, 2), (35, 10), (55, 50), (79, 98), (80, 100), (100, 100), (None, 100)]
)
def test_limit_rises_with_the_quality(quality, limit):
    assert distance_limit(100, quality) == limit


@pytest.mark.parametrize("max_distance", [0, 1, 7, 50, 99, 100, 101, 383, 384])
@pytest.mark.parametrize("quality", [0, 30, 31, 42, 79, 80, 81, 100])
def test_the_limit_is_the_largest_distance_that_matches(max_distance, quality):
    allowed = [distance for distance in range(385) if distance * 50 <= max_distance * min(max(quality - 30, 0), 50)]
    assert distance_limit(max_distance, quality) == allowed[-1]


@pytest.mark.parametrize(
    ("small", "detail", "quality", "same"),
    [
        (20, 80, 80, True),
        (20, 81, 80, False),
        (21, 0, 100, False),
        (0, 100, None, True),
        (0, 98, 79, True),
        (0, 99, 79, False),
        (0, 0, 0, True),
        (1, 0, 30, False),
    ],
)
def test_both_limits_apply(small, detail, quality, same):
    assert is_match(small, detail, quality, 100) is same


@pytest.mark.parametrize(
    ("distance", "word"),
    [
        (0, Likeness.VERY_SIMILAR),
        (12, Likeness.VERY_SIMILAR),
        (13, Likeness.SIMILAR),
        (40, Likeness.SIMILAR),
        (41, Likeness.LESS_SIMILAR),
    ],
)
def test_distance_in_words(distance, word):
    assert likeness(distance) is word


@pytest.mark.parametrize("is_framed", [False, True])
@pytest.mark.parametrize("other_is_framed", [False, True])
def test_all_parts_are_compared_except_two_framed_pictures_as_wholes(is_framed, other_is_framed):
    parts = [Part.WHOLE, Part.INSIDE] if is_framed else [Part.WHOLE]
    other_parts = [Part.WHOLE, Part.INSIDE] if other_is_framed else [Part.WHOLE]
    expected = {(part, other_part) for part in parts for other_part in other_parts}
    if is_framed and other_is_framed:
        expected.remove((Part.WHOLE, Part.WHOLE))
    assert set(compared_parts(is_framed=is_framed, other_is_framed=other_is_framed)) == expected


@pytest.mark.parametrize(("max_distance", "expected"), [(0, 0), (1, 0), (99, 74), (100, 75), (384, 288)])
def test_insides_are_compared_within_three_quarters_of_the_distance(max_distance, expected):
    pairs = list(itertools.product(Part, repeat=2))
    found = {pair: distance_of_parts(max_distance, *pair) for pair in pairs}
    assert found.pop((Part.WHOLE, Part.WHOLE)) == max_distance
    assert set(found.values()) == {expected}
