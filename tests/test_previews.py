"""The files of the previews. Their contents are tested with the page that shows them."""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from io import BytesIO
from threading import Barrier

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, default_storage
from django.db import connection, transaction
from PIL import Image

from hashing import previews
from hashing.backfill import backfill_perceptual_hashes
from hashing.models import ImageAsset, MarkedDuplicate
from hashing.previews import FOLDER, preview_storage, read_preview
from samples.pictures import encoded, photo
from tests.site_models.models import Scan

pytestmark = pytest.mark.django_db(transaction=True)

IN_MEMORY = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def stored(media) -> list[str]:
    return [path.name for path in (media / FOLDER).rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def no_keys_of_other_tests(monkeypatch):
    """Forget the rows that other tests deleted in transactions that were rolled back."""
    monkeypatch.setattr(previews, "_outdated", previews.OutdatedKeys())


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


@pytest.mark.parametrize("in_one_process", [True, False])
def test_concurrent_first_requests_store_one_file(add_image, media, monkeypatch, in_one_process):
    if not in_one_process:
        monkeypatch.setattr(previews, "_locks", [nullcontext()])
    asset, barrier, made, make = add_image(), Barrier(12), [], previews.make_preview
    monkeypatch.setattr(previews, "make_preview", lambda *args: made.append(args) or make(*args))

    def request(_number: int) -> bytes:
        barrier.wait()
        try:
            return read_preview(asset, 160)
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(request, range(12)))) == 1
    assert len(made) == 1 or not in_one_process
    assert len(stored(media)) == 1


@pytest.mark.parametrize(("is_transparent", "suffix"), [(False, "jpg"), (True, "webp")])
def test_incomplete_preview_is_made_again(add_image, media, is_transparent, suffix):
    asset = add_image(is_transparent=is_transparent)
    whole = read_preview(asset, 160)
    (path,) = (media / FOLDER).rglob(f"*.{suffix}")
    path.write_bytes(whole[:100])
    # It is young: another process may be writing it.
    assert read_preview(asset, 160) == whole
    assert path.read_bytes() == whole[:100]
    an_hour_ago = time.time() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))
    assert read_preview(asset, 160) == whole == path.read_bytes()


def test_preview_of_a_row_that_is_deleted_meanwhile_is_not_kept(add_image, media):
    asset = add_image()
    ImageAsset.objects.all().delete()
    read_preview(asset, 160)
    assert stored(media) == []


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


def test_preview_that_another_process_stores_first_is_the_only_one(add_image, media, monkeypatch):
    stock = FileSystemStorage.save

    def save(storage, name, content):
        stock(storage, name, ContentFile(content.read()))
        content.seek(0)
        return stock(storage, name, content)

    monkeypatch.setattr(FileSystemStorage, "save", save)
    read_preview(add_image(), 160)
    assert len(stored(media)) == 1


def names_in(folder) -> list[str]:
    return [path.name for path in (folder / FOLDER).rglob("*.jpg")]


def test_preview_is_in_the_storage_of_the_image_and_goes_with_it(sources, media, archive):
    sources("site_models.Scan.file", ON_UPLOAD="inline")
    scan = Scan.objects.create(file=ContentFile(encoded(photo(size=(160, 120)), "PNG"), "scan.png"))
    read_preview(ImageAsset.objects.get(source_id=str(scan.pk)), 160)
    assert len(names_in(archive)) == 1
    assert stored(media) == []
    scan.delete()
    assert names_in(archive) == []


def test_preview_in_a_storage_made_for_one_row_is_in_the_default_one(add_image, media, tmp_path, monkeypatch):
    asset = add_image()
    alone = FileSystemStorage(tmp_path / "alone")
    monkeypatch.setattr(asset.image, "storage", alone)
    assert preview_storage(asset) is default_storage


def test_name_cannot_be_guessed_without_the_secret_key(add_image, media, settings):
    asset = add_image()
    read_preview(asset, 160)
    [first] = stored(media)
    settings.SECRET_KEY = "another"
    read_preview(asset, 160)
    [second] = stored(media)
    assert first != second


def test_preview_has_no_metadata(add_image, media):
    exif = Image.Exif()
    exif[0x010E] = "a private place"
    buffer = BytesIO()
    photo(size=(160, 120)).save(buffer, "JPEG", comment=b"a private note", exif=exif, icc_profile=b"profile" * 20)
    content = read_preview(add_image(content=buffer.getvalue()), 160)
    with Image.open(BytesIO(content)) as preview:
        assert preview.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"private" not in content
