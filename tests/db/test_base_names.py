from __future__ import annotations

import unicodedata

import pytest
from django.db.models import F

from hashing.db.base_names import MAX_VARIANTS, BaseNameKey, base_name_key, base_name_keys
from hashing.models import ImageAsset

# With a lower and an upper case each.
MAX_LETTERS = MAX_VARIANTS.bit_length() - 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("IMG_1.JPG", "img_1.jpg"),
        ("a/b/c.jpg", "c.jpg"),
        ("a//c.jpg", "c.jpg"),
        ("a\\c.jpg", "c.jpg"),
        ("a/b\\C.jpg", "c.jpg"),
        ("jpg/gpj.jpg", "gpj.jpg"),
        ("folder/", ""),
        ("100%/ÉTÉ 'x'.JPG", "ÉtÉ 'x'.jpg"),
    ],
)
def test_key_is_the_same_in_sql(name, key):
    ImageAsset.objects.bulk_create([ImageAsset(image=name)])
    assert base_name_key(name) == key
    assert ImageAsset.objects.values_list(BaseNameKey(F("image"))).get() == (key,)


def test_name_with_many_cased_letters_has_few_keys():
    assert base_name_keys("A" + "éÉ" * 50) == {
        unicodedata.normalize(form, f"a{text}")
        for form, text in [("NFC", "éÉ" * 50), ("NFD", "éÉ" * 50), ("NFC", "é" * 100), ("NFC", "É" * 100)]
    }
    assert base_name_keys("photo.jpg") == {"photo.jpg"}


def test_name_with_few_cased_letters_has_a_key_for_each_spelling():
    keys = {"éö.jpg", "Éö.jpg", "éÖ.jpg", "ÉÖ.jpg"}
    assert base_name_keys("ÉÖ.JPG") == keys | {unicodedata.normalize("NFD", "ÉÖ.jpg")}
    assert len(base_name_keys("é" * MAX_LETTERS)) == MAX_VARIANTS + 1
    assert len(base_name_keys("é" * (MAX_LETTERS + 1))) < MAX_VARIANTS
