"""Files with more candidates than are compared are kept."""

from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage

from hashing.models import ImageAsset
from hashing.stored_files import file_columns, references
from hashing.stored_files.deletion import delete_unused
from hashing.stored_files.references import find_reasons_to_keep
from tests.stored_files.conftest import Remote, storage

pytestmark = pytest.mark.django_db(transaction=True)


def test_file_whose_name_too_many_rows_of_another_model_have(media, photograph, crowd):
    used, unsure, other = photograph("a/photo.jpg"), photograph("b/photo.jpg"), photograph("b/other.jpg")
    crowd(storage(), "a/photo.jpg")
    result = delete_unused(storage(), ["a/photo.jpg", "b/photo.jpg", "b/other.jpg"])
    assert result.kept == {
        "a/photo.jpg": "Used by: legacy photo.",
        "b/photo.jpg": "Too many rows have files of this name: legacy photo.",
    }
    assert (used.exists(), unsure.exists(), other.exists()) == (True, True, False)


def test_file_whose_name_too_many_rows_of_another_storage_have(media, photograph, crowd, tmp_path):
    path = photograph("a/photo.jpg")
    crowd(FileSystemStorage(location=tmp_path / "elsewhere"), "a/photo.jpg")
    kept = delete_unused(storage(), ["a/photo.jpg"]).kept
    assert kept == {"a/photo.jpg": "Too many rows have files of this name: legacy photo."}
    assert path.exists()


def test_file_with_too_many_remote_candidates_is_kept(media, photograph, add_model, monkeypatch):
    monkeypatch.setattr(references, "MAX_REMOTE_COMPARISONS", 2)
    photograph("a/b/c/photo.jpg")
    model = add_model(Remote(location=media / "nowhere"))
    for name, is_deleted in [("photo.jpg", True), ("c/photo.jpg", True), ("b/c/photo.jpg", False)]:
        model.objects.create(file=name)
        assert bool(find_reasons_to_keep(storage(), ["a/b/c/photo.jpg"])) != is_deleted


def test_any_number_of_local_files_is_compared(media, photograph, monkeypatch):
    monkeypatch.setattr(references, "MAX_REMOTE_COMPARISONS", 0)
    photograph("a/photo.jpg")
    photograph("b/photo.jpg")
    ImageAsset.objects.bulk_create([ImageAsset(image="b/photo.jpg")])
    assert delete_unused(storage(), ["a/photo.jpg"]).deleted


@pytest.mark.parametrize(("limit", "is_kept"), [(3, False), (2, True)])
def test_file_of_a_size_that_too_many_images_have(images, media, monkeypatch, limit, is_kept):
    monkeypatch.setattr(file_columns, "MAX_UNSIZED", 0)
    monkeypatch.setattr(file_columns, "MAX_OF_SIZE", limit)
    (media / "unused.jpg").write_bytes(b"12345")
    kept = {"unused.jpg": "Too many images have files of this size."} if is_kept else {}
    assert delete_unused(storage(), ["unused.jpg"]).kept == kept
    assert (media / "unused.jpg").exists() == is_kept
