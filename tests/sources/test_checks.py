from __future__ import annotations

import pytest
from django.core.files.storage import InMemoryStorage

from hashing.sources.checks import check_sources
from tests.site_models.models import Picture


def messages() -> list[tuple[str, str]]:
    return [(message.id, message.msg) for message in check_sources()]


def test_fit_sources(sources):
    assert messages() == []


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("blog.Photo.original", "No installed app with label 'blog'"),
        ("site_models.Nothing.image", "doesn't have a 'Nothing' model"),
        ("site_models.Picture.file", "has no field 'file'"),
        ("site_models.Photo.title", "is no file field"),
        ("site_models.Picture", "is not of the form"),
        ("hashing.ImageAsset.image", "no rows that could own images"),
    ],
)
def test_unfit_source(sources, label, reason):
    sources(label, "site_models.Picture.image")
    [(found, message)] = messages()
    assert found == "hashing.E009"
    assert reason in message


def test_swapped_model(sources, monkeypatch):
    monkeypatch.setitem(vars(Picture._meta), "swapped", "other.Picture")
    sources("site_models.Picture.image")
    [(found, message)] = messages()
    assert (found, "swapped" in message) == ("hashing.E009", True)


@pytest.mark.parametrize("value", ["site_models.Picture.image", 3, [3]])
def test_what_is_no_list_of_texts(sources, settings, value):
    settings.HASHING = {"SOURCES": value}
    assert messages()[0][0] == "hashing.E008"


def test_storage_that_other_processes_cannot_see(sources, monkeypatch):
    monkeypatch.setattr(Picture._meta.get_field("image"), "storage", InMemoryStorage())
    sources("site_models.Picture.image")
    assert messages()[0][0] == "hashing.W005"
