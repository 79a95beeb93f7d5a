from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from hashing.backfill import BackfillOptions, backfill_perceptual_hashes, run_backfill
from hashing.indexing.sync import sync_sources
from hashing.models import ImageAsset
from hashing.sources import ImageSource
from samples.pictures import photo
from tests.site_models.models import Picture, Scan


@pytest.fixture
def pictures(sources, media, archive):
    """Rows of two sources in two storages, with different files of one name."""
    photo(seed=1, size=(160, 120)).save(media / "a.jpg")
    photo(seed=2, size=(200, 100)).save(archive / "a.jpg")
    Picture.objects.bulk_create([Picture(image="a.jpg")])
    Scan.objects.bulk_create([Scan(file="a.jpg")])


def sizes() -> dict[str | None, tuple[int | None, int | None]]:
    return {asset.source_field: (asset.width, asset.height) for asset in ImageAsset.objects.all()}


@pytest.mark.parametrize("workers", [1, 2])
def test_files_of_several_storages_are_hashed_in_one_run(pictures, workers):
    result = backfill_perceptual_hashes(workers=workers)
    assert (result["status"], result["processed"], result["failed"]) == ("completed", 2, 0)
    assert sizes() == {"image": (160, 120), "file": (200, 100)}


class Sealed(FileSystemStorage):
    """Only the storage itself can open its files."""

    def _open(self, name: str, mode: str = "rb") -> File:
        with Path(self.path(name)).open(mode) as file:
            return ContentFile(bytes(byte ^ 255 for byte in file.read()))


def test_storages_that_differ_from_row_to_row_are_opened_by_workers(pictures, archive, register_source):
    @register_source("site_models.Scan.file")
    class ArchiveSource(ImageSource):
        def storage(self, row):
            return Sealed(location=str(archive)) if row.archived else self.field.storage

    path = archive / "sealed.jpg"
    path.write_bytes(bytes(byte ^ 255 for byte in (archive / "a.jpg").read_bytes()))
    Scan.objects.update(archived=False)
    Scan.objects.bulk_create([Scan(file="sealed.jpg")])
    result = backfill_perceptual_hashes(workers=1)
    assert (result["processed"], result["failed"]) == (3, 0)
    assert ImageAsset.objects.get(image="sealed.jpg").image.read() == (archive / "a.jpg").read_bytes()
    assert sizes() == {"image": (160, 120), "file": (200, 100)}


def test_files_in_the_memory_of_this_process_are_hashed_here(pictures, media, monkeypatch):
    storage = InMemoryStorage()
    with (media / "a.jpg").open("rb") as file:
        storage.save("a.jpg", file)
    monkeypatch.setattr(Scan._meta.get_field("file"), "storage", storage)
    assert backfill_perceptual_hashes(workers=2)["processed"] == 2
    assert sizes() == {"image": (160, 120), "file": (160, 120)}


def test_asset_without_its_row_fails(pictures):
    sync_sources()
    Scan.objects.all()._raw_delete("default")
    ImageAsset.objects.filter(source_type="site_models.Scan").update(source_type="site_models.Gone")
    report = run_backfill(BackfillOptions(workers=1))
    assert (report.processed, report.failed) == (1, 1)
    [failed] = ImageAsset.objects.failed()
    assert failed.hash_error.startswith("LookupError: The row that owns the file is gone")


def test_asset_opens_the_file_of_its_row(pictures):
    sync_sources()
    with ImageAsset.objects.get(source_field="file").image.open() as file:
        assert len(file.read()) != ImageAsset.objects.get(source_field="image").image.size


def test_missing_storage_is_an_outage(pictures, archive):
    (archive / "a.jpg").unlink()
    archive.rmdir()
    result = backfill_perceptual_hashes(workers=1)
    assert result["status"] == "partial"
    assert not ImageAsset.objects.failed().exists()


@pytest.mark.parametrize("on_upload", ["inline", "task"])
def test_new_row_is_hashed(sources, media, on_upload, django_capture_on_commit_callbacks):
    sources("site_models.Picture.image", ON_UPLOAD=on_upload)
    photo(size=(160, 120)).save(media / "a.jpg")
    with django_capture_on_commit_callbacks(execute=True):
        Picture.objects.create(image="a.jpg")
    assert ImageAsset.objects.hashed().count() == 1
