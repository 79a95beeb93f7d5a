from __future__ import annotations

import json
import subprocess
import sys

import pytest
from django.db import connection, models
from django.db.models import F
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.models import ImageAsset
from hashing.search.bands import (
    PIECES,
    AnyOf,
    Band,
    Part,
    Piece,
    SearchQuality,
    band_indexes,
    best_radii,
    count_values,
    near_bands,
    values_within,
)

HASH = "0123456789abcdef"

hashes = st.integers(0, 2**64 - 1).map("{:016x}".format)
distances = st.integers(0, 10)
# A piece of five characters has 20 bits; within a radius of 3 of it are 1,351 values.
pieces = st.text("0123456789abcdef", min_size=5, max_size=6)
radii = st.integers(-1, 3)


def bits_between(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def compiled(expression: models.Expression) -> tuple[str, list]:
    """The SQL of an expression beside a field, and its parameters."""
    sql, params = ImageAsset.objects.values_list(expression).query.get_compiler("default").as_sql()
    return sql, list(params)


def test_module_needs_nothing_that_another_package_adds_to_django():
    # In this process django-tasks has made more of Django's classes generic than are so by themselves.
    subprocess.run([sys.executable, "-c", "import hashing.search.bands"], check=True, timeout=60)


def test_pieces_have_every_character_once():
    assert sorted("".join(piece.of(HASH) for piece in PIECES)) == sorted(HASH)
    assert [piece.bits for piece in PIECES] == [20, 20, 24]


def test_piece_is_put_together_from_its_parts():
    assert Piece((Part(1, 1), Part(6, 2), Part(15, 2))).of(HASH) == "056ef"


@pytest.mark.parametrize("piece", PIECES)
def test_database_takes_the_same_piece(db, piece):
    ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", perceptual_hash=HASH)])
    taken = ImageAsset.objects.values_list(Band("perceptual_hash", *piece.parts), flat=True).get()
    assert taken == piece.of(HASH)


@settings(deadline=None)
@given(hashes, st.sets(st.integers(0, 63), max_size=10), distances)
def test_no_hash_within_the_distance_is_left_out(text, flipped, distance):
    distance = max(distance, len(flipped))
    other = f"{int(text, 16) ^ sum(1 << bit for bit in flipped):016x}"
    looked_up = zip(PIECES, best_radii(distance), strict=True)
    assert any(piece.of(other) in values_within(piece.of(text), radius) for piece, radius in looked_up)


@settings(deadline=None)
@given(pieces, pieces, radii)
def test_values_within_a_radius_are_all_that_differ_in_so_many_bits(text, other, radius):
    other = other[: len(text)].ljust(len(text), "0")
    assert (other in values_within(text, radius)) == (bits_between(text, other) <= radius)


@settings(deadline=None)
@given(pieces, radii)
def test_values_within_a_radius_are_pieces_and_differ(text, radius):
    values = values_within(text, radius)
    assert len(set(values)) == len(values)
    assert all(len(value) == len(text) and bits_between(value, text) <= radius for value in values)


@pytest.mark.parametrize("distance", range(65))
def test_radii_add_up_to_two_less_than_the_distance(distance):
    assert sum(best_radii(distance)) == distance - 2
    assert min(best_radii(distance)) >= -1


@pytest.mark.parametrize("distance", range(13))
def test_values_are_counted_as_they_are_looked_up(distance):
    looked_up = zip(PIECES, best_radii(distance), strict=True)
    assert count_values(distance) == sum(len(values_within(piece.of(HASH), radius)) for piece, radius in looked_up)


def test_equal_hashes_are_found_through_one_piece():
    assert count_values(0) == 1


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (
            Band("perceptual_hash", (6, 2), (9, 3)),
            '|| SUBSTR("hashing_imageasset"."perceptual_hash", 9, 3))',
        ),
        (SearchQuality(), 'COALESCE("hashing_imageasset"."hash_quality", 100)'),
    ],
)
def test_numbers_stand_in_the_sql_as_an_index_needs_them(expression, written):
    sql, params = compiled(expression)
    assert written in sql
    assert params == []


@pytest.mark.parametrize("count", [1, 5000])
def test_many_texts_are_one_parameter(count):
    texts = [f"{number:05x}" for number in range(count)]
    sql, params = compiled(AnyOf(Band(F("perceptual_hash"), (1, 5)), texts))
    assert "SUBSTR(" in sql
    assert params == [texts if connection.vendor == "postgresql" else json.dumps(texts)]


def test_any_of_no_texts_finds_nothing(db):
    ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", perceptual_hash=HASH)])
    assert not ImageAsset.objects.filter(AnyOf(F("perceptual_hash"), [])).exists()


@pytest.mark.parametrize("distance", range(9))
def test_row_is_a_candidate_when_a_piece_is_near(db, distance):
    far = f"{int(HASH, 16) ^ (2**64 - 1):016x}"
    ImageAsset.objects.bulk_create(
        [
            *(ImageAsset(image="near.jpg", perceptual_hash=_with_piece(far, piece)) for piece in PIECES),
            ImageAsset(image="far.jpg", perceptual_hash=far),
            ImageAsset(image="none.jpg"),
        ]
    )
    found = ImageAsset.objects.filter(near_bands([HASH], distance)).values_list("image", flat=True)
    assert set(found) == {"near.jpg"}
    assert len(found) == sum(radius >= 0 for radius in best_radii(distance))


def _with_piece(text: str, piece: Piece) -> str:
    """The text, with that piece of HASH in it."""
    characters = list(text)
    for start, length in piece.parts:
        characters[start - 1 : start - 1 + length] = HASH[start - 1 : start - 1 + length]
    return "".join(characters)


def test_candidates_of_several_hashes_are_those_of_each(db):
    others = [f"{number:016x}" for number in (0, 2**64 - 1)]
    ImageAsset.objects.bulk_create(ImageAsset(image="x.jpg", perceptual_hash=text) for text in [HASH, *others])
    found = ImageAsset.objects.filter(near_bands(others, 2)).values_list("perceptual_hash", flat=True)
    assert set(found) == set(others)


def test_indexes_are_named_after_the_prefix():
    assert [index.name for index in band_indexes("photo")] == ["photo_band1_idx", "photo_band2_idx", "photo_band3_idx"]


def test_model_has_an_index_for_each_piece():
    names = {index.name: index for index in ImageAsset._meta.indexes}
    for index in band_indexes("image_asset"):
        assert names[index.name] == index
