from __future__ import annotations

import subprocess
import sys

import pytest
from django.db import DataError, connection, models
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.models import ImageAsset
from hashing.search.bands import BANDS, PERCEPTUAL_BANDS, Band, BandValue, SearchQuality, Substring, band_indexes, masks

HASH = "0123456789abcdef"


def compiled(expression: models.Expression) -> tuple[str, list]:
    """The SQL of an expression beside a field, and its parameters."""
    sql, params = ImageAsset.objects.values_list(expression).query.get_compiler("default").as_sql()
    return sql, list(params)


def test_module_needs_nothing_that_another_package_adds_to_django():
    # In this process django-tasks has made more of Django's classes generic than are so by themselves.
    subprocess.run([sys.executable, "-c", "import hashing.search.bands"], check=True, timeout=60)


@pytest.mark.parametrize("field", ["perceptual_hash", "vertical_hash"])
def test_pieces_of_a_hash_have_every_character_once(field):
    bands = [band for band in BANDS if band.field == field]
    assert sorted("".join(band.cut(HASH) for band in bands)) == sorted(HASH)
    assert [band.bits for band in bands] == [20, 20, 24]


def test_first_pieces_are_those_of_the_perceptual_hash():
    assert BANDS[:3] == PERCEPTUAL_BANDS
    assert {band.field for band in PERCEPTUAL_BANDS} == {"perceptual_hash"}


def test_piece_is_put_together_from_its_parts():
    assert Band("perceptual_hash", (Substring(1, 1), Substring(6, 2), Substring(15, 2)), skew=1).cut(HASH) == "056ef"


@pytest.mark.parametrize("band", BANDS)
def test_database_takes_the_same_piece(db, band):
    ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", perceptual_hash=HASH, vertical_hash=HASH[::-1])])
    taken = ImageAsset.objects.values_list(BandValue(band.field, *band.parts), flat=True).get()
    text = band.cut(HASH if band.field == "perceptual_hash" else HASH[::-1])
    assert taken == (int(text, 16) if connection.vendor == "postgresql" else text)


@settings(deadline=None)
@given(st.integers(0, 2**20 - 1), st.integers(-1, 3))
def test_masks_are_all_values_of_at_most_so_many_bits(value, radius):
    chosen = masks(20, radius)
    assert len(set(chosen)) == len(chosen)
    assert (value in chosen) == (value.bit_count() <= radius)


def test_masks_are_as_wide_as_the_piece():
    assert max(masks(24, 1)) == 1 << 23
    assert max(masks(20, 2)) == 0b11 << 18


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (BandValue("perceptual_hash", (6, 2), (9, 3)), '|| SUBSTR("hashing_imageasset"."perceptual_hash", 9, 3))'),
        (SearchQuality(), 'COALESCE("hashing_imageasset"."hash_quality", 100)'),
    ],
)
def test_numbers_stand_in_the_sql_as_an_index_needs_them(expression, written):
    sql, params = compiled(expression)
    assert written in sql
    assert params == []


def test_indexes_are_named_after_the_prefix():
    assert [index.name for index in band_indexes()] == [f"image_asset_band{number}_idx" for number in range(1, 7)]


def test_model_has_an_index_for_each_piece():
    names = {index.name: index for index in ImageAsset._meta.indexes}
    for index in band_indexes():
        assert names[index.name] == index


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a band is text on SQLite")
@pytest.mark.parametrize("field", ["perceptual_hash", "vertical_hash"])
def test_hash_that_is_not_hexadecimal_is_refused(db, field):
    with pytest.raises(DataError, match="hexadecimal"):
        ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", **{field: "no hash at all !"})])


@pytest.mark.parametrize("text", ["", "f", "0" * 15, "f" * 64])
def test_hash_of_another_length_can_be_stored(db, text):
    ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", perceptual_hash=text, vertical_hash=text)])
