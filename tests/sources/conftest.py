from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage

from hashing.sources.registry import forget_sources
from tests.site_models.models import Scan

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
