"""Files are closed after they are read, also after an error."""

from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage

from hashing.backfill.run import hash_row
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_perceptual_hash
from hashing.previews.reading import read_preview

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(monkeypatch):
    """The files that the storage has opened."""
    files = []
    stock = FileSystemStorage._open

    def _open(storage, name, mode="rb"):
        files.append(stock(storage, name, mode))
        return files[-1]

    monkeypatch.setattr(FileSystemStorage, "_open", _open)
    return files


def preview_twice(asset: ImageAsset) -> None:
    read_preview(asset, 160)
    read_preview(asset, 160)


READERS = {
    "preview": preview_twice,
    "hash": lambda asset: hash_row(asset.pk, asset.image.name, "default"),
    "path": lambda asset: compute_perceptual_hash(asset.image.path),
}


@pytest.mark.parametrize("content", [b"photo", b"no image at all"])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_files_are_closed(add_image, opened, open_descriptors, read, content):
    asset = add_image(content=content)
    before = open_descriptors()
    # Keeping the exception keeps its frames, so that garbage collection closes no file.
    failures = []
    try:
        read(asset)
    except ValueError as error:
        failures.append(error)
    assert [file.closed for file in opened] == [True] * len(opened)
    assert open_descriptors() == before
    assert failures == [] or content != b"photo"


@pytest.fixture
def open_descriptors(media):
    """Return the number of files of the media folder that this process has open."""
    psutil = pytest.importorskip("psutil")
    return lambda: sum(file.path.startswith(str(media)) for file in psutil.Process().open_files())
