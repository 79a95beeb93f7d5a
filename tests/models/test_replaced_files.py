from __future__ import annotations

import pytest

from hashing.models import ImageAsset
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from tests.models.assets import hash_fields, stored, upload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "replace",
    [
        pytest.param(lambda asset: asset.save(), id="save"),
        pytest.param(lambda asset: asset.save(update_fields=["image"]), id="update_fields"),
    ],
)
def test_replacing_the_file_clears_the_hash_in_the_same_write(media, settings, replace):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    settings.HASHING = {"ON_UPLOAD": "off"}
    asset.image = upload(seed=2)
    replace(asset)
    assert hash_fields(asset) == EMPTY_HASH_FIELDS


def test_another_name_clears_the_hash(media, settings):
    asset = ImageAsset.objects.create(image=upload())
    settings.HASHING = {"ON_UPLOAD": "off"}
    asset.image = "elsewhere.png"
    asset.save()
    assert hash_fields(asset) == EMPTY_HASH_FIELDS


def test_replacing_the_file_of_an_instance_with_deferred_fields_clears_the_hash(media, settings):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    settings.HASHING = {"ON_UPLOAD": "off"}
    partly = ImageAsset.objects.only("image").get(pk=asset.pk)
    partly.image = upload(seed=2)
    partly.save()
    assert hash_fields(asset) == EMPTY_HASH_FIELDS


def test_stale_instance_that_restores_the_old_file_clears_the_hash_of_the_new_one(media, settings):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    stale = stored(asset)
    asset.image = upload(seed=2)
    asset.save()
    settings.HASHING = {"ON_UPLOAD": "off"}
    stale.save(update_fields=["image"])
    assert hash_fields(asset) == EMPTY_HASH_FIELDS


def test_saving_other_fields_keeps_the_hash(media):
    asset = ImageAsset.objects.create(image=upload())
    before = hash_fields(asset)
    asset.save(update_fields=["created_at"])
    ImageAsset.objects.defer("image").get(pk=asset.pk).save()
    assert hash_fields(asset) == before


def test_update_of_the_file_name_clears_the_hash(media):
    asset = ImageAsset.objects.create(image=upload())
    ImageAsset.objects.filter(pk=asset.pk).update(image="other.png")
    assert hash_fields(asset) == EMPTY_HASH_FIELDS


def test_bulk_update_of_the_file_name_clears_the_hash(media):
    asset = ImageAsset.objects.create(image=upload())
    row = stored(asset)
    row.image = "other.png"
    ImageAsset.objects.bulk_update([row], ["image"])
    assert hash_fields(asset) == EMPTY_HASH_FIELDS
    assert stored(asset).image.name == "other.png"


def test_update_of_other_fields_keeps_the_hash(media):
    asset = ImageAsset.objects.create(image=upload())
    ImageAsset.objects.update(file_size=5)
    assert hash_fields(asset)["perceptual_hash"]
