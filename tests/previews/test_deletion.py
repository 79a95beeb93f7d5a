from __future__ import annotations

import logging

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.db import transaction

from hashing.backfill import backfill_perceptual_hashes
from hashing.models import ImageAsset, MarkedDuplicate
from hashing.previews import signals
from hashing.previews.location import FOLDER
from hashing.previews.reading import read_preview
from samples.pictures import encoded, photo
from tests.previews.files import stored

pytestmark = pytest.mark.django_db(transaction=True)

IN_MEMORY = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@pytest.fixture(autouse=True)
def no_keys_of_other_tests(monkeypatch):
    """Forget the rows that other tests deleted in transactions that were rolled back."""
    monkeypatch.setattr(signals, "_outdated", signals.OutdatedKeys())


@pytest.fixture
def previewed(add_image, media):
    """Two assets with previews in two sizes each."""
    assets = [add_image(f"{seed}.jpg", seed=seed) for seed in (1, 2)]
    for asset in assets:
        read_preview(asset, 160)
        read_preview(asset, 640)
    assert len(stored(media)) == 4
    return assets


@pytest.mark.parametrize(
    "delete",
    [
        lambda asset: asset.delete(),
        lambda asset: ImageAsset.objects.filter(pk=asset.pk).delete(),
        lambda asset: MarkedDuplicate._base_manager.filter(pk=asset.pk).delete(),
    ],
    ids=["instance", "queryset", "proxy"],
)
def test_previews_are_deleted_with_their_row(previewed, media, delete):
    delete(previewed[0])
    assert len(stored(media)) == 2
    assert len(list((media / FOLDER).iterdir())) == 1


def test_previews_stay_when_the_deletion_is_rolled_back(previewed, media):
    with transaction.atomic():
        ImageAsset.objects.all().delete()
        assert len(stored(media)) == 4
        transaction.set_rollback(True)
    assert len(stored(media)) == 4


def save(asset):
    asset.image = "new.jpg"
    asset.save()


def update(asset):
    ImageAsset.objects.filter(pk=asset.pk).update(image="new.jpg")
    backfill_perceptual_hashes(workers=1)
    # The previews of rows without a hash were deleted.
    read_preview(ImageAsset.objects.exclude(pk=asset.pk).get(), 160)
    read_preview(ImageAsset.objects.exclude(pk=asset.pk).get(), 640)


def bulk_update(asset):
    asset.image = "new.jpg"
    ImageAsset.objects.bulk_update([asset], ["image"])


@pytest.mark.parametrize("replace", [save, update, bulk_update])
def test_previews_of_a_replaced_file_are_deleted(previewed, media, replace):
    photo(seed=3, size=(160, 120)).save(media / "new.jpg")
    replace(previewed[0])
    assert len(stored(media)) == 2


def test_previews_are_deleted_only_if_the_hash_changes(previewed, media):
    backfill_perceptual_hashes()
    assert stored(media) == []
    for asset in ImageAsset.objects.all():
        read_preview(asset, 160)
    photo(seed=3, size=(160, 120)).save(media / "1.jpg")
    kept = stored(media)
    ImageAsset.objects.filter(image="1.jpg").update(perceptual_hash=None)
    backfill_perceptual_hashes()
    assert len(set(kept) & set(stored(media))) == len(stored(media)) == 1


def test_storage_that_fails_does_not_stop_a_deletion(previewed, media, monkeypatch, caplog):
    def listdir(_storage, _path):
        raise OSError("away")

    monkeypatch.setattr(FileSystemStorage, "listdir", listdir)
    with caplog.at_level(logging.WARNING, "hashing"):
        previewed[0].delete()
    assert "away" in caplog.text
    assert ImageAsset.objects.count() == 1


def test_folders_are_listed_in_a_storage_without_paths(settings, db):
    settings.STORAGES = IN_MEMORY
    storage = ImageAsset.image.field.storage
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        with storage.open(name, "wb") as file:
            file.write(encoded(photo(size=(160, 120)), "JPEG"))
        ImageAsset.objects.bulk_create([ImageAsset(image=name)])
    first, second, third = ImageAsset.objects.order_by("pk")
    for asset in (first, second):
        read_preview(asset, 160)
    ImageAsset.objects.filter(pk__in=[first.pk, third.pk]).delete()
    assert storage.listdir(f"{FOLDER}/{first.pk}")[1] == []
    assert len(storage.listdir(f"{FOLDER}/{second.pk}")[1]) == 1


def test_storage_without_paths_lists_no_other_folders_for_a_single_row(settings, db, monkeypatch):
    settings.STORAGES = IN_MEMORY
    listed, stock = [], InMemoryStorage.listdir

    def listdir(storage, path):
        listed.append(path)
        return stock(storage, path)

    monkeypatch.setattr(InMemoryStorage, "listdir", listdir)
    asset = ImageAsset.objects.create(image="")
    key = asset.pk
    asset.delete()
    assert listed == [f"{FOLDER}/{key}"]
