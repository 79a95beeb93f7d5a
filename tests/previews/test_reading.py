from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from io import BytesIO
from threading import Barrier

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import connection
from PIL import Image

from hashing.models import ImageAsset
from hashing.previews import reading
from hashing.previews.location import FOLDER
from hashing.previews.reading import read_preview
from samples.pictures import photo
from tests.previews.files import stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("in_one_process", [True, False])
def test_concurrent_first_requests_store_one_file(add_image, media, monkeypatch, in_one_process):
    if not in_one_process:
        monkeypatch.setattr(reading, "_locks", [nullcontext()])
    asset, barrier, made, make = add_image(), Barrier(12), [], reading.make_preview
    monkeypatch.setattr(reading, "make_preview", lambda *args: made.append(args) or make(*args))

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


def test_preview_that_another_process_stores_first_is_the_only_one(add_image, media, monkeypatch):
    stock = FileSystemStorage.save

    def save(storage, name, content):
        stock(storage, name, ContentFile(content.read()))
        content.seek(0)
        return stock(storage, name, content)

    monkeypatch.setattr(FileSystemStorage, "save", save)
    read_preview(add_image(), 160)
    assert len(stored(media)) == 1


def test_preview_has_no_metadata(add_image, media):
    exif = Image.Exif()
    exif[0x010E] = "a private place"
    buffer = BytesIO()
    photo(size=(160, 120)).save(buffer, "JPEG", comment=b"a private note", exif=exif, icc_profile=b"profile" * 20)
    content = read_preview(add_image(content=buffer.getvalue()), 160)
    with Image.open(BytesIO(content)) as preview:
        assert preview.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"private" not in content
