from __future__ import annotations

import subprocess
import sys
from functools import reduce
from operator import or_

import pytest
from django.db import DataError, connection, models

from hashing.models import ImageAsset
from hashing.search.bands import (
    BANDS,
    INSIDE_BANDS,
    MASKS,
    PERCEPTUAL_BANDS,
    SEARCH_QUALITY,
    MaskBand,
    Substring,
    SubstringBand,
    band_indexes,
)

HASHES = {"perceptual_hash": "0123456789abcdef", "vertical_hash": "fedcba9876543210"}
COPY = "".join(HASHES.values())


def compiled(expression: models.Expression) -> tuple[str, list]:
    """The SQL of an expression beside a field, and its parameters."""
    sql, params = ImageAsset.objects.values_list(expression).query.get_compiler("default").as_sql()
    return sql, list(params)


def test_module_does_not_need_the_patches_of_another_package():
    # In this process django-tasks has made more of Django's classes generic than are so by themselves.
    subprocess.run([sys.executable, "-c", "import hashing.search.bands"], check=True, timeout=60)


@pytest.mark.parametrize("field", ["perceptual_hash", "vertical_hash"])
def test_bands_of_a_hash_have_every_character_once(field):
    bands = [band for band in BANDS if band.field == field]
    joined = "".join(f"{band.value_of(COPY):0{band.length}x}" for band in bands)
    assert sorted(joined) == sorted(HASHES[field])
    assert [band.bits for band in bands] == [20, 20, 24]


def test_no_bit_is_in_two_bands_of_insides():
    masks = [(band.perceptual, band.vertical) for band in INSIDE_BANDS]
    for hash_masks in zip(*masks, strict=True):
        assert sum(mask.bit_count() for mask in hash_masks) == reduce(or_, hash_masks).bit_count() == 56
    assert all(perceptual & vertical == 0 for perceptual, vertical in masks)
    assert [band.bits for band in INSIDE_BANDS] == [14] * 8


def test_first_bands_are_those_of_the_perceptual_hash():
    assert BANDS[:3] == PERCEPTUAL_BANDS
    assert {band.field for band in PERCEPTUAL_BANDS} == {"perceptual_hash"}


def test_band_joins_its_substrings():
    band = SubstringBand(1, "perceptual_hash", (Substring(1, 1), Substring(6, 2), Substring(15, 2)))
    assert band.value_of(COPY) == 0x056EF
    assert band.largest == 0xFFFFF


def test_band_of_masks_has_bits_of_both_hashes():
    band = MaskBand(1, perceptual=0xF0, vertical=0x0F)
    assert band.value_of("8" * 15 + "7" + "1" * 16) == 0x81
    assert band.positions == tuple(range(8))
    assert band.largest == 0xFF


@pytest.mark.parametrize("hashes", [HASHES, dict.fromkeys(HASHES, "f" * 16)], ids=["some bits", "all bits"])
@pytest.mark.parametrize("band", [*BANDS, *INSIDE_BANDS])
def test_database_computes_the_same_band(db, band, hashes):
    insides = {f"inside_{name}": text for name, text in hashes.items()}
    ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", **hashes, **insides)])
    found = ImageAsset.objects.values_list(band.expression, flat=True).get()
    value = band.value_of("".join(hashes.values()))
    is_text = isinstance(band, SubstringBand) and connection.vendor == "sqlite"
    assert found == (f"{value:0{band.length}x}" if is_text else value)


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (BANDS[0].expression, '|| SUBSTR("hashing_imageasset"."perceptual_hash", 12, 2))'),
        (INSIDE_BANDS[0].expression, f'"hashing_imageasset"."inside_vertical_hash" & {MASKS[5]}))'),
        (SEARCH_QUALITY, 'COALESCE("hashing_imageasset"."hash_quality", 100)'),
    ],
)
def test_numbers_are_literals(expression, written):
    sql, params = compiled(expression)
    assert written in sql
    assert params == []


def test_indexes_are_numbered():
    kinds = [("band", 6), ("inside", 8)]
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
