from __future__ import annotations

import pytest
from django.db.models import F

from hashing.models import ImageAsset
from hashing.stored_files.base_names import BaseNameKey, base_name_key, base_name_keys


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


def test_name_with_many_letters_that_have_a_case_has_few_keys():
    assert len(base_name_keys("é" * 100)) < 10
    assert base_name_keys("photo.jpg") == {"photo.jpg"}
