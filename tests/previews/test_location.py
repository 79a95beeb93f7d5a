from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage

from hashing.models import ImageAsset
from hashing.previews.location import preview_storage
from hashing.previews.reading import read_preview
from samples.pictures import encoded, photo
from tests.previews.files import stored
from tests.site_models.models import Scan

pytestmark = pytest.mark.django_db(transaction=True)


def test_preview_is_in_the_storage_of_the_image_and_goes_with_it(sources, media, archive):
    sources("site_models.Scan.file", ON_UPLOAD="inline")
    scan = Scan.objects.create(file=ContentFile(encoded(photo(size=(160, 120)), "PNG"), "scan.png"))
    read_preview(ImageAsset.objects.get(source_id=str(scan.pk)), 160)
    assert len(stored(archive)) == 1
    assert stored(media) == []
    scan.delete()
    assert stored(archive) == []


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
