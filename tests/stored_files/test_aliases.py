"""One file under two names: the file stays while a row has either of them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from hashing.models import ImageAsset
from hashing.stored_files import file_columns
from hashing.stored_files.deletion import delete_unused
from tests.stored_files.conftest import storage

pytestmark = pytest.mark.django_db


def add_row(name: str, **fields) -> ImageAsset:
    return ImageAsset.objects.bulk_create([ImageAsset(image=name, **fields)])[0]


def linked_folder(media, bind_mount):
    (media / "b").symlink_to(media / "a")


def linked_folder_elsewhere(media, bind_mount):
    (media / "a").rename(media.parent / "disk")
    for name in ("a", "b"):
        (media / name).symlink_to(media.parent / "disk")


def mounted_folder(media, bind_mount):
    bind_mount(media / "a", media / "b")


@pytest.mark.parametrize("alias", [linked_folder, linked_folder_elsewhere, mounted_folder])
@pytest.mark.parametrize(("deleted", "used"), [("a/photo.jpg", "b/photo.jpg"), ("b/photo.jpg", "a/photo.jpg")])
def test_folder_that_is_reached_by_two_paths(media, photograph, bind_mount, alias, deleted, used):
    photograph("a/photo.jpg")
    photograph("a/unused.jpg")
    alias(media, bind_mount)
    add_row(used)
    result = delete_unused(storage(), [deleted, "b/unused.jpg"])
    assert (media / used).exists()
    assert result.kept == {deleted: "Used by: image."}
    assert result.deleted == {"b/unused.jpg"}
    assert not (media / "a/unused.jpg").exists()


@pytest.mark.parametrize("link", [os.link, os.symlink])
@pytest.mark.parametrize("is_hashed", [True, False])
def test_link_to_the_file_under_any_name(media, photograph, link, is_hashed):
    path = photograph("photo.jpg")
    link(path, media / "another name.png")
    fields = {"perceptual_hash": "0" * 16, "file_size": path.stat().st_size} if is_hashed else {}
    add_row("another name.png", **fields)
    assert delete_unused(storage(), ["photo.jpg"]).kept == {"photo.jpg": "Used by: image."}
    assert path.exists()


@pytest.mark.parametrize("name", ["a/./photo.jpg", "a//photo.jpg", "./a/photo.jpg", "a/b/../photo.jpg"])
def test_other_spelling_of_the_path(media, photograph, name):
    path = photograph("a/photo.jpg")
    (media / "a/b").mkdir()
    add_row(name)
    assert delete_unused(storage(), ["a/photo.jpg"]).kept
    assert path.exists()


def test_copy_of_the_file_is_another_file(media, photograph):
    path, copy = photograph("a/photo.jpg"), photograph("b/photo.jpg")
    add_row("b/photo.jpg", perceptual_hash="0" * 16, file_size=copy.stat().st_size)
    assert delete_unused(storage(), ["a/photo.jpg"]).deleted == {"a/photo.jpg"}
    assert not path.exists()
    assert copy.exists()


def test_row_whose_file_is_missing_keeps_no_other_file(media, photograph):
    photograph("a/photo.jpg")
    add_row("b/photo.jpg")
    assert delete_unused(storage(), ["a/photo.jpg"]).deleted


def test_folder_is_never_deleted(media):
    (media / "folder").mkdir()
    assert delete_unused(storage(), ["folder"]).kept == {"folder": "It is a folder."}
    assert (media / "folder").is_dir()


class IgnoresCase(FileSystemStorage):
    """A file system that ignores case and normal forms in names."""

    def path(self, name):
        path = Path(super().path(""))
        for part in filter(None, name.split("/")):
            entries = {plain(entry.name): entry for entry in path.iterdir()} if path.is_dir() else {}
            path = entries.get(plain(part), path / part)
        return str(path)


class RemoteIgnoringCase(InMemoryStorage):
    """A remote storage that ignores case and normal forms in names."""

    def _resolve(self, name, **options):
        return super()._resolve(plain(name), **options)


def plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


CASES = [
    ("photos/IMG_1.JPG", "photos/img_1.jpg"),
    ("photos/img_1.jpg", "PHOTOS/img_1.jpg"),
    ("photos/CAFÉ.jpg", "Photos/café.JPG"),
    ("photos/ÉàÖ.jpg", "photos/éÀö.jpg"),
    (unicodedata.normalize("NFC", "café.jpg"), unicodedata.normalize("NFD", "café.jpg")),
    (unicodedata.normalize("NFD", "Éa.jpg"), unicodedata.normalize("NFC", "éa.jpg")),
]


@pytest.fixture(params=[IgnoresCase, RemoteIgnoringCase])
def ignoring_case(request, media, monkeypatch):
    made = request.param(location=str(media))
    monkeypatch.setattr(ImageAsset.image.field, "storage", made)
    return made


@pytest.mark.parametrize(("deleted", "used"), CASES)
def test_other_case_or_normal_form_where_they_are_ignored(ignoring_case, deleted, used):
    ignoring_case.save(deleted, ContentFile(b"content"))
    add_row(used)
    assert delete_unused(ignoring_case, [deleted]).kept.keys() == {deleted}
    assert ignoring_case.exists(used)


@pytest.mark.parametrize(("deleted", "used"), CASES[:3])
def test_other_case_where_it_is_another_name(media, photograph, deleted, used):
    photograph(deleted)
    photograph(used)
    add_row(used)
    assert delete_unused(storage(), [deleted]).deleted == {deleted}
    assert (media / used).exists()


@pytest.fixture
def crowd(monkeypatch):
    """Make more rows with one base name than are compared."""
    monkeypatch.setattr(file_columns, "MAX_NAMES", 3)
    for number in range(5):
        add_row(f"{number}/photo.jpg", perceptual_hash="0" * 16, file_size=1)


def test_file_of_a_very_common_name(media, photograph, bind_mount, crowd):
    used, unused, other = photograph("a/photo.jpg"), photograph("c/photo.jpg"), photograph("a/other.jpg")
    mounted_folder(media, bind_mount)
    add_row("b/photo.jpg", perceptual_hash="0" * 16, file_size=used.stat().st_size)
    add_row("a//other.jpg")
    result = delete_unused(storage(), ["a/photo.jpg", "c/photo.jpg", "a/other.jpg"])
    assert used.exists()
    assert other.exists()
    assert not unused.exists()
    assert result.deleted == {"c/photo.jpg"}


def test_files_of_other_names_and_sizes_are_not_compared(media, photograph, monkeypatch):
    photograph("photo.jpg")
    for number in range(300):
        add_row(f"{number}/{number}.jpg", perceptual_hash="0" * 16, file_size=number)
    looked_at = []
    stat = type(media).stat

    def counted(path, **options):
        looked_at.append(path)
        return stat(path, **options)

    monkeypatch.setattr(type(media), "stat", counted)
    assert delete_unused(storage(), ["photo.jpg"]).deleted
    assert len(looked_at) == 1
