from __future__ import annotations

import pytest
from django.db import connection, models
from django.db.migrations.state import ModelState
from django.db.models import F, Value
from hypothesis import given
from hypothesis import strategies as st

from hashing.db.hexadecimal import HexBinaryField, HexIntegerField
from hashing.models import ImageAsset

NUMBER, BINARY = "inside_perceptual_hash", "inside_detail_hash"


def texts(characters: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=characters, max_size=characters)


@given(texts(16))
def test_integer_is_the_text_again(text):
    field = HexIntegerField()
    assert field.from_db_value(field.get_prep_value(text)) == text


@given(st.integers(0, 40).flatmap(lambda half: texts(2 * half)))
def test_bytes_are_the_text_again(text):
    field = HexBinaryField()
    assert field.from_db_value(field.get_prep_value(text)) == text


@pytest.mark.parametrize("text", ["0" * 16, "7" + "f" * 15, "8" + "0" * 15, "f" * 16, None])
def test_column_has_the_text(db, text):
    binary = None if text is None else text * 4
    [row] = ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", **{NUMBER: text, BINARY: binary})])
    row.refresh_from_db()
    assert (row.inside_perceptual_hash, row.inside_detail_hash) == (text, binary)
    assert ImageAsset.objects.values_list(NUMBER, BINARY).get() == (text, binary)
    assert ImageAsset.objects.filter(**{NUMBER: text, BINARY: binary}).exists()


@pytest.mark.parametrize("name", [NUMBER, BINARY])
def test_updates_write_the_text(db, name):
    text = "0123456789abcdef" * (4 if name == BINARY else 1)
    row = ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg")])[0]
    setattr(row, name, text)
    for write in (
        lambda: ImageAsset.objects.bulk_update([row], [name], guards=["image"]),
        lambda: ImageAsset.objects.update(**{name: text}),
        lambda: ImageAsset.objects.update(**{name: Value(text, ImageAsset._meta.get_field(name))}),
    ):
        ImageAsset.objects.update(**{name: None})
        write()
        assert ImageAsset.objects.values_list(name, flat=True).get() == text


@pytest.mark.parametrize("text", ["", "f", "0" * 15, "0" * 18, "no hash at all !", "0 " * 8])
def test_text_of_another_length_is_no_integer(text):
    with pytest.raises(ValueError, match="hexadecimal"):
        HexIntegerField().get_prep_value(text)


def test_numbers_take_8_bytes_and_2_characters_a_byte(db):
    ImageAsset.objects.bulk_create([ImageAsset(image="x.jpg", **{NUMBER: "8" * 16, BINARY: "f" * 64})])
    size = "OCTET_LENGTH" if connection.vendor == "postgresql" else "LENGTH"
    length = models.Func(F(BINARY), function=size, output_field=models.IntegerField())
    mask = models.Func(F(NUMBER), template="(%(expressions)s & 255)", output_field=models.IntegerField())
    assert ImageAsset.objects.values_list(length, mask).get() == (32, 0x88)


def test_migrations_have_the_fields_of_django():
    fields = ModelState.from_model(ImageAsset).fields
    assert [HexIntegerField().deconstruct()[1], HexBinaryField().deconstruct()[1]] == [
        "django.db.models.BigIntegerField",
        "django.db.models.BinaryField",
    ]
    assert (
        fields[NUMBER].clone().deconstruct()[1:]
        == models.BigIntegerField("perceptual hash of the inside", null=True, blank=True, editable=False).deconstruct()[
            1:
        ]
    )
