from __future__ import annotations

import subprocess
import sys

import pytest
from django.db import DataError, connection, models

from hashing.models import ImageAsset
from hashing.search.bands import BANDS, INSIDE_BANDS, PERCEPTUAL_BANDS, SEARCH_QUALITY, Band, Substring, band_indexes

HASH = "0123456789abcdef"


def compiled(expression: models.Expression) -> tuple[str, list]:
    """The SQL of an expression beside a field, and its parameters."""
    sql, params = ImageAsset.objects.values_list(expression).query.get_compiler("default").as_sql()
    return sql, list(params)


def test_module_does_not_need_the_patches_of_another_package():
    # In this process django-tasks has made more of Django's classes generic than are so by themselves.
    subprocess.run([sys.executable, "-c", "import hashing.search.bands"], check=True, timeout=60)


@pytest.mark.parametrize(
    ("field", "bits"),
    [
        ("perceptual_hash", [20, 20, 24]),
        ("vertical_hash", [20, 20, 24]),
        ("inside_perceptual_hash", [16, 16, 16, 16]),
        ("inside_vertical_hash", [20, 20, 24]),
    ],
)
def test_bands_of_a_hash_have_every_character_once(field, bits):
    bands = [band for band in (*BANDS, *INSIDE_BANDS) if band.field == field]
    assert sorted("".join(f"{band.value_of(HASH):0{band.length}x}" for band in bands)) == sorted(HASH)
    assert [band.bits for band in bands] == bits


def test_first_bands_are_those_of_the_perceptual_hash():
    assert BANDS[:3] == PERCEPTUAL_BANDS
    assert {band.field for band in PERCEPTUAL_BANDS} == {"perceptual_hash"}


def test_band_joins_its_substrings():
    assert Band("perceptual_hash", (Substring(1, 1), Substring(6, 2), Substring(15, 2)), 1).value_of(HASH) == 0x056EF


@pytest.mark.parametrize("band", [*BANDS, *INSIDE_BANDS])
def test_database_computes_the_same_band(db, band):
    ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", **{band.field: HASH})])
    found = ImageAsset.objects.values_list(band.expression, flat=True).get()
    value = band.value_of(HASH)
    assert found == (value if connection.vendor == "postgresql" else f"{value:0{band.length}x}")


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (BANDS[0].expression, '|| SUBSTR("hashing_imageasset"."perceptual_hash", 12, 2))'),
        (SEARCH_QUALITY, 'COALESCE("hashing_imageasset"."hash_quality", 100)'),
    ],
)
def test_numbers_are_literals(expression, written):
    sql, params = compiled(expression)
    assert written in sql
    assert params == []


def test_indexes_are_numbered():
    kinds = [("band", 6), ("inside", 7)]
    expected = [f"image_asset_{kind}{number}_idx" for kind, count in kinds for number in range(1, count + 1)]
    assert [index.name for index in band_indexes()] == expected


def test_model_has_an_index_for_each_band():
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
