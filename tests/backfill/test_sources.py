"""Hashing, searching and showing the files of sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.urls import reverse

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


def test_workers_open_what_is_in_a_storage_that_differs_from_row_to_row(pictures, archive, register_source):
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


def test_row_that_goes_during_a_backfill_fails_alone(pictures):
    sync_sources()
    Scan.objects.all()._raw_delete("default")
    ImageAsset.objects.filter(source_type="site_models.Scan").update(source_type="site_models.Gone")
    report = run_backfill(BackfillOptions(workers=1))
    assert (report.processed, report.failed) == (1, 1)
    [failed] = ImageAsset.objects.failed()
    assert failed.hash_error.startswith("LookupError: The row that owns the file is gone")


def test_asset_opens_its_file_where_its_row_has_it(pictures):
    sync_sources()
    with ImageAsset.objects.get(source_field="file").image.open() as file:
        assert len(file.read()) != ImageAsset.objects.get(source_field="image").image.size


def test_storage_that_is_gone_is_an_outage_of_its_files_alone(pictures, archive):
    (archive / "a.jpg").unlink()
    archive.rmdir()
    result = backfill_perceptual_hashes(workers=1)
    assert result["status"] == "partial"
    assert not ImageAsset.objects.failed().exists()


@pytest.mark.parametrize("on_upload", ["inline", "task"])
def test_upload_is_hashed(sources, media, on_upload, django_capture_on_commit_callbacks):
    sources("site_models.Picture.image", ON_UPLOAD=on_upload)
    photo(size=(160, 120)).save(media / "a.jpg")
    with django_capture_on_commit_callbacks(execute=True):
        Picture.objects.create(image="a.jpg")
    assert ImageAsset.objects.hashed().count() == 1


def test_cards_say_whose_picture_it_is(pictures, admin_client):
    sync_sources()
    ImageAsset.objects.update(
        perceptual_hash="0f" * 8, vertical_hash="f0" * 8, detail_hash="0f" * 32, hash_quality=90, hash_version=1
    )
    asset = ImageAsset.objects.get(source_field="image")
    page = admin_client.get(reverse("admin:hashing_imageasset_find_similar", args=[asset.pk]), secure=True)
    assert "Picture object" in page.text
    assert "Scan object" in page.text


def test_card_of_a_row_whose_text_fails_shows_its_key(pictures, admin_client, monkeypatch):
    sync_sources()

    def fail(_row: Picture) -> str:
        raise KeyError("a mistake of the site's own")

    monkeypatch.setattr(Picture, "__str__", fail)
    asset = ImageAsset.objects.get(source_field="image")
    page = admin_client.get(reverse("admin:hashing_imageasset_find_similar", args=[asset.pk]), secure=True)
    assert f">{asset.source_id}<" in page.text


def test_card_of_a_row_that_the_user_may_not_see_says_its_kind_alone(pictures, client, django_user_model):
    from django.contrib.auth.models import Permission

    sync_sources()
    user = django_user_model.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_imageasset", "change_imageasset"]))
    client.force_login(user)
    asset = ImageAsset.objects.get(source_field="image")
    page = client.get(reverse("admin:hashing_imageasset_change", args=[asset.pk]), secure=True).text
    assert "Picture" in page
    assert "Picture object" not in page


def test_form_of_an_owned_image_does_not_replace_the_file(pictures, admin_client):
    sync_sources()
    asset = ImageAsset.objects.get(source_field="image")
    page = admin_client.get(reverse("admin:hashing_imageasset_change", args=[asset.pk]), secure=True).text
    assert 'type="file"' not in page


def test_list_is_filtered_by_source(pictures, admin_client):
    sync_sources()
    ImageAsset.objects.bulk_create([ImageAsset(image="own.jpg")])
    address = reverse("admin:hashing_imageasset_changelist")
    for value, expected in (("site_models.Scan.file", "file"), ("none", None)):
        page = admin_client.get(address, {"source": value}, secure=True)
        assert [asset.source_field for asset in page.context["cl"].result_list] == [expected]
