from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from hashing.sources.registry import forget_sources
from tests.pictures import encoded, photo
from tests.site_models.models import Photo, Scan

LABELS = [
    "site_models.Photo.original",
    "site_models.Product.front",
    "site_models.Product.back",
    "site_models.Picture.image",
    "site_models.Scan.file",
]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the storage of `Scan`."""
    folder = tmp_path / "archive"
    folder.mkdir()
    monkeypatch.setattr(Scan._meta.get_field("file"), "storage", FileSystemStorage(location=folder))
    return folder


@pytest.fixture
def sources(settings: Any, media: Path, db: None) -> Iterator[Callable[..., None]]:
    """Make these labels the sources of the site."""

    def choose(*labels: str, **others: Any) -> None:
        settings.HASHING = {"SOURCES": list(labels), "ON_UPLOAD": "off", **others}

    choose(*LABELS)
    yield choose
    forget_sources()


@pytest.fixture
def hashed_photo(sources: Any, django_capture_on_commit_callbacks: Any) -> Callable[..., Photo]:
    """Adds photos that are hashed."""
    sources("site_models.Photo.original", ON_UPLOAD="inline")

    def add(title: str = "", content: bytes | None = None) -> Photo:
        file = ContentFile(content or encoded(photo(size=(160, 120)), "JPEG"), "here.jpg")
        with django_capture_on_commit_callbacks(execute=True):
            return Photo.objects.create(title=title, original=file)

    return add
