from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connections, models

from hashing.models import ImageAsset
from hashing.stored_files import file_columns
from hashing.stored_files.file_columns import FileColumn
from samples.pictures import photo


@pytest.fixture
def photograph(media) -> Callable[[str], Path]:
    """Make an image file without a row."""

    def make(name: str) -> Path:
        path = media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(size=(160, 120)).save(path, "JPEG")
        return path

    return make


def storage():
    return ImageAsset.image.field.storage


@pytest.fixture
def add_model(made_model):
    """Make a model with a file field, and its table in the database `using`."""

    def make(file_storage, using: str | None = "default", **options):
        fields = {"file": models.FileField(storage=file_storage)}
        return made_model("LegacyPhoto", fields, using, **options)

    return make


@pytest.fixture
def other_database(tmp_path):
    """The alias of a second database."""
    file = str(tmp_path / "other.sqlite3")
    settings = connections.settings["default"] | {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": {}}
    connections.settings["other"] = settings
    # Pytest-django lets tests connect only to the databases of the settings file.
    made = connections["other"]
    made.ensure_connection = lambda: made.connection or made.connect()
    yield "other"
    connections["other"].close()
    del connections["other"], connections.settings["other"]


class Silent(FileSystemStorage):
    """A remote storage that is unavailable."""

    def path(self, name):
        raise NotImplementedError

    def exists(self, name):
        raise ConnectionError("away")


class Remote(Silent):
    """A remote storage that is available."""

    def exists(self, name):
        return FileSystemStorage(self.location).exists(name)

    def size(self, name):
        return FileSystemStorage(self.location).size(name)

    def get_modified_time(self, name):
        return FileSystemStorage(self.location).get_modified_time(name)


@pytest.fixture
def crowd(add_model, monkeypatch):
    """Make a model with more rows of one base name than are compared."""
    monkeypatch.setattr(file_columns, "MAX_NAMES", 3)

    def make(file_storage, *names: str):
        model = add_model(file_storage)
        model.objects.bulk_create(model(file=name) for name in [*(f"{n}/photo.jpg" for n in range(5)), *names])
        return model

    return make


@pytest.fixture
def images() -> FileColumn:
    """The column of the image assets: three whose size is unknown, and three of five bytes."""
    fields = {"perceptual_hash": "0" * 16, "file_size": 5}
    for number in range(3):
        rows = [ImageAsset(image=f"new{number}.jpg"), ImageAsset(image=f"old{number}.jpg", **fields)]
        ImageAsset.objects.bulk_create(rows)
    return FileColumn(ImageAsset, ImageAsset.image.field, "default", default_storage)
