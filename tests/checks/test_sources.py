from __future__ import annotations

import pytest
from django.core.files.storage import InMemoryStorage
from django.db import models

from hashing.checks.sources import check_sources
from hashing.sources import ImageSource
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
        ("site_models.Photo.title", "is not a file field"),
        ("site_models.Picture", "is not of the form"),
        ("tests.site_models.Picture.image", "is not of the form"),
        ("", "is not of the form"),
        ("site_models.Comment.photo", "is not a file field"),
        ("site_models.Photo.comment", "is not a file field"),
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


LABEL = "site_models.Picture.image"


@pytest.mark.parametrize("value", [LABEL, 3, [3], None, {LABEL: 1}, iter([LABEL])])
def test_sources_that_are_not_a_list_of_texts(sources, settings, value):
    settings.HASHING = {"SOURCES": value}
    [(found, _)] = messages()
    assert found == "hashing.E008"


def test_storage_that_other_processes_cannot_see(sources, monkeypatch):
    monkeypatch.setattr(Picture._meta.get_field("image"), "storage", InMemoryStorage())
    sources("site_models.Picture.image")
    [(found, _)] = messages()
    assert found == "hashing.W005"


def test_a_table_that_other_programs_make_is_fit(sources, monkeypatch):
    monkeypatch.setattr(Picture._meta, "managed", False)
    sources("site_models.Picture.image")
    assert messages() == []


def test_keys_of_another_kind(sources, monkeypatch):
    monkeypatch.setattr(Picture._meta, "pk", models.DateTimeField(name="id"))
    sources("site_models.Picture.image")
    [(found, _)] = messages()
    assert found == "hashing.E010"


@pytest.mark.parametrize(
    "labels",
    [
        ("site_models.Picture.image", "site_models.PictureProxy.image"),
        ("site_models.Picture.image", "site_models.picture.image"),
        ("site_models.Picture.image", "site_models.Picture.image"),
    ],
)
def test_one_field_under_two_labels(sources, labels):
    sources(*labels)
    [(found, message)] = messages()
    assert found == "hashing.W007"
    assert ", ".join(labels) in message


def test_rows_of_a_parent_and_of_its_child(sources):
    sources("site_models.Poster.image", "site_models.Picture.image")
    [(found, message)] = messages()
    assert found == "hashing.W008"
    assert "source site_models.Poster.image are rows of site_models.Picture.image" in message


def test_two_classes_for_one_field(sources, register_source):
    class First(ImageSource):
        pass

    class Second(ImageSource):
        pass

    labels = ("site_models.Picture.image", "site_models.PictureProxy.image")
    register_source(*labels)(First)
    sources("site_models.Picture.image")
    assert messages() == []
    register_source(labels[1])(Second)
    [(found, message)] = messages()
    assert (found, "First" in message, "Second" in message) == ("hashing.W009", True, True)


def test_names_that_are_longer_than_those_of_an_asset(sources, monkeypatch):
    monkeypatch.setattr(Picture._meta.get_field("image"), "max_length", 501)
    sources("site_models.Picture.image")
    [(found, message)] = messages()
    assert found == "hashing.W010"
    assert "'image' has more than 500 characters" in message
