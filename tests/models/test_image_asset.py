from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset

pytestmark = pytest.mark.django_db


def add(**fields) -> ImageAsset:
    return ImageAsset.objects.create(image="x.jpg", **fields)


def test_rows_are_unhashed_hashed_or_failed():
    new, failed, hashed = add(), add(hash_error="broken"), add(perceptual_hash="0" * 16, hash_version=HASH_VERSION)
    assert set(ImageAsset.objects.unhashed()) == {new, failed}
    assert set(ImageAsset.objects.never_tried()) == {new}
    assert set(ImageAsset.objects.failed()) == {failed}
    assert set(ImageAsset.objects.hashed()) == {hashed}


def test_a_hash_of_another_version_is_stale():
    add(perceptual_hash="0" * 16, hash_version=HASH_VERSION)
    old = add(perceptual_hash="0" * 16, hash_version=HASH_VERSION - 1)
    assert set(ImageAsset.objects.stale()) == {old}


def test_hashes_that_are_searched_by_are_indexed():
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, ImageAsset._meta.db_table)
    indexes = {name: found["columns"] for name, found in constraints.items() if found["index"]}
    assert indexes["image_asset_phash_idx"] == ["perceptual_hash"]
    assert indexes["image_asset_digest_idx"] == ["file_digest"]
    assert not any(columns == ["vertical_hash"] for columns in indexes.values())
    assert indexes["image_asset_unhashed_idx"] == ["id"]


def test_text_is_the_name_of_the_file_or_the_key():
    assert str(add()) == "x.jpg"
    assert str(ImageAsset(pk=7)) == "7"


def test_quality_is_a_percentage():
    with pytest.raises(ValidationError):
        ImageAsset._meta.get_field("hash_quality").clean(101, None)
