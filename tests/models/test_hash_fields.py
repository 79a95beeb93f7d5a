from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction

from hashing.models import ImageAsset
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from tests.models.assets import hash_fields, upload, upsert

pytestmark = pytest.mark.django_db(transaction=True)

HASH = {"perceptual_hash": "0123456789abcdef", "hash_version": 1, "width": 40, "hash_quality": 90}


@pytest.fixture
def stale(media) -> ImageAsset:
    """An instance that was read before its row was hashed."""
    ImageAsset.objects.bulk_create([ImageAsset(image="a.png")])
    asset = ImageAsset.objects.get()
    ImageAsset.objects.update(**HASH)
    return asset


def in_async_code(call: Callable[[], Awaitable[object]]) -> None:
    async def run() -> None:
        await call()

    async_to_sync(run)()


def save_a_pickled_copy(asset: ImageAsset) -> None:
    pickle.loads(pickle.dumps(asset)).save()


def save_a_locked_copy(asset: ImageAsset) -> None:
    with transaction.atomic():
        ImageAsset.objects.select_for_update().get(pk=asset.pk).save()


def save_refreshed(asset: ImageAsset) -> None:
    asset.refresh_from_db(fields=["created_at"])
    asset.save()


def save_a_copy_without(*deferred: str):
    def save(asset: ImageAsset) -> None:
        copy = ImageAsset.objects.defer(*deferred).get(pk=asset.pk)
        if "perceptual_hash" not in deferred:
            copy.perceptual_hash = None
        copy.save()

    return save


def save_made_by_hand(asset: ImageAsset) -> None:
    ImageAsset(pk=asset.pk, image="a.png").save()


def bulk_update(asset: ImageAsset) -> None:
    assert ImageAsset.objects.bulk_update([asset], ["image", "created_at"]) == 1


def abulk_update(asset: ImageAsset) -> None:
    in_async_code(lambda: ImageAsset.objects.abulk_update([asset], ["image"]))


def bulk_create(asset: ImageAsset) -> None:
    ImageAsset.objects.bulk_create(
        [ImageAsset(pk=asset.pk, image="a.png")], update_conflicts=True, update_fields=["image"], unique_fields=["pk"]
    )


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda asset: asset.save(), id="save"),
        pytest.param(lambda asset: in_async_code(asset.asave), id="asave"),
        pytest.param(lambda asset: asset.save(update_fields=["image"]), id="update_fields"),
        pytest.param(lambda asset: asset.save(force_update=True), id="force_update"),
        pytest.param(save_a_pickled_copy, id="pickled"),
        pytest.param(save_a_locked_copy, id="select_for_update"),
        pytest.param(save_refreshed, id="refresh_from_db"),
        pytest.param(save_a_copy_without("image"), id="file deferred"),
        pytest.param(save_a_copy_without("perceptual_hash", "width"), id="hash deferred"),
        pytest.param(save_made_by_hand, id="made by hand"),
        pytest.param(
            lambda asset: ImageAsset.objects.update_or_create(pk=asset.pk, defaults={"image": "a.png"}),
            id="update_or_create",
        ),
        pytest.param(lambda _asset: ImageAsset.objects.update(image="a.png"), id="update"),
        pytest.param(lambda _asset: in_async_code(lambda: ImageAsset.objects.aupdate(image="a.png")), id="aupdate"),
        pytest.param(bulk_update, id="bulk_update"),
        pytest.param(abulk_update, id="abulk_update"),
        pytest.param(bulk_create, id="bulk_create"),
    ],
)
def test_row_with_the_same_file_keeps_its_hash(stale, write):
    before = hash_fields(stale)
    write(stale)
    assert hash_fields(stale) == before


def aupsert(asset: ImageAsset) -> None:
    rows = [ImageAsset(pk=asset.pk, image="b.png")]
    upsert_rows = partial(ImageAsset.objects.abulk_create, rows, update_conflicts=True)
    in_async_code(lambda: upsert_rows(update_fields=["image"], unique_fields=["id"]))


def rename(asset: ImageAsset) -> ImageAsset:
    asset.image = "b.png"
    return asset


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda asset: rename(asset).save(), id="save"),
        pytest.param(lambda asset: rename(asset).save(update_fields=["image"]), id="update_fields"),
        pytest.param(lambda asset: ImageAsset(pk=asset.pk, image="b.png").save(), id="made by hand"),
        pytest.param(lambda _asset: ImageAsset.objects.update(image="b.png"), id="update"),
        pytest.param(lambda _asset: in_async_code(lambda: ImageAsset.objects.aupdate(image="b.png")), id="aupdate"),
        pytest.param(lambda asset: ImageAsset.objects.bulk_update([rename(asset)], ["image"]), id="bulk_update"),
        pytest.param(
            lambda asset: abulk_update(rename(asset)),
            id="abulk_update",
        ),
        pytest.param(upsert, id="bulk_create"),
        pytest.param(aupsert, id="abulk_create"),
        pytest.param(
            lambda asset: ImageAsset.objects.update_or_create(pk=asset.pk, defaults={"image": "b.png"}),
            id="update_or_create",
        ),
    ],
)
def test_row_with_another_file_loses_its_hash(stale, settings, write):
    settings.HASHING = {"ON_UPLOAD": "off"}
    write(stale)
    assert hash_fields(stale) == EMPTY_HASH_FIELDS
    assert ImageAsset.objects.get().image.name == "b.png"


def test_hash_can_be_written_together_with_its_file(stale):
    ImageAsset.objects.update(image="b.png", perceptual_hash="f" * 16)
    rows = [ImageAsset(pk=stale.pk, image="c.png", perceptual_hash="e" * 16)]
    names = ["image", "perceptual_hash"]
    ImageAsset.objects.bulk_create(rows, update_conflicts=True, update_fields=names, unique_fields=["id"])
    assert hash_fields(stale)["perceptual_hash"] == "e" * 16
    rename(stale).perceptual_hash = "d" * 16
    stale.save(update_fields=names)
    assert hash_fields(stale)["perceptual_hash"] == "d" * 16
    assert hash_fields(stale)["width"] is None


def test_upsert_clears_only_the_rows_whose_file_it_replaces(stale):
    [kept] = ImageAsset.objects.bulk_create([ImageAsset(image="kept.png", **HASH)])
    rows = [ImageAsset(pk=stale.pk, image="b.png"), ImageAsset(pk=kept.pk, image="kept.png"), ImageAsset(image="n.png")]
    ImageAsset.objects.bulk_create(rows, update_conflicts=True, update_fields=["image"], unique_fields=["id"])
    assert list(ImageAsset.objects.hashed()) == [kept]
    assert ImageAsset.objects.count() == 3


def test_get_or_create_hashes_only_a_created_row(media):
    asset, _created = ImageAsset.objects.get_or_create(pk=7, defaults={"image": upload()})
    before = hash_fields(asset)
    assert before["perceptual_hash"]
    ImageAsset.objects.get_or_create(pk=7, defaults={"image": upload(seed=2)})
    assert hash_fields(asset) == before


def test_hash_fields_in_update_fields_are_written(stale):
    stale.hash_error = "broken"
    stale.save(update_fields=["hash_error"])
    assert hash_fields(stale)["hash_error"] == "broken"
    assert hash_fields(stale)["perceptual_hash"] == HASH["perceptual_hash"]


def test_instance_has_the_stored_hash_after_a_save(stale):
    stale.save()
    assert stale.perceptual_hash == HASH["perceptual_hash"]


def test_old_instance_that_restores_a_replaced_file_clears_the_hash(stale, settings):
    settings.HASHING = {"ON_UPLOAD": "off"}
    ImageAsset.objects.update(image="b.png", **HASH)
    stale.save()
    assert hash_fields(stale) == EMPTY_HASH_FIELDS


def test_copy_of_an_instance_keeps_its_hash(stale):
    stale.refresh_from_db()
    stale.pk = None
    stale.save()
    assert ImageAsset.objects.hashed().count() == 2


def test_instance_of_a_deleted_row_is_saved_as_a_new_one(stale):
    ImageAsset.objects.all().delete()
    stale.save()
    assert ImageAsset.objects.get().image.name == "a.png"


def test_each_row_keeps_its_own_hash(media):
    hashes = [f"{number}" * 16 for number in range(3)]
    rows = [ImageAsset(image="a.png") for _hash in hashes]
    ImageAsset.objects.bulk_create(rows)
    for row, perceptual_hash in zip(rows, hashes, strict=True):
        ImageAsset.objects.filter(pk=row.pk).update(perceptual_hash=perceptual_hash)
    for row in rows:
        row.save()
    assert list(ImageAsset.objects.order_by("pk").values_list("perceptual_hash", flat=True)) == hashes


def test_bulk_update_of_other_fields_keeps_the_hash_of_a_newer_file(stale):
    ImageAsset.objects.filter(pk=stale.pk).update(image="b.png", **HASH)
    ImageAsset.objects.bulk_update([stale], ["created_at"])
    assert hash_fields(stale)["perceptual_hash"] == HASH["perceptual_hash"]


def test_bulk_update_of_the_file_with_its_hash_writes_both(stale):
    stale.image, stale.perceptual_hash = "b.png", "f" * 16
    ImageAsset.objects.bulk_update([stale], ["image", "perceptual_hash"])
    assert (hash_fields(stale)["perceptual_hash"], hash_fields(stale)["width"]) == ("f" * 16, HASH["width"])


def test_bulk_update_of_one_file_keeps_the_hash_of_other_rows(stale):
    other = ImageAsset.objects.bulk_create([ImageAsset(image="other.png", **HASH)])[0]
    stale.image = "b.png"
    ImageAsset.objects.bulk_update([stale], ["image"])
    assert hash_fields(stale)["perceptual_hash"] is None
    assert hash_fields(other)["perceptual_hash"] == HASH["perceptual_hash"]
