from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import DatabaseError, transaction

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from hashing.perceptual_hash import compute_perceptual_hash
from hashing.workers import pool
from tests.grouping.conftest import stored_groups
from tests.models.assets import hash_fields, stored, upload

pytestmark = pytest.mark.django_db(transaction=True)


def test_new_row_is_hashed(media):
    asset = ImageAsset.objects.create(image=upload())
    row = stored(asset)
    assert row.perceptual_hash == compute_perceptual_hash(row.image.path)
    assert (row.width, row.height, row.hash_version, row.hash_error) == (96, 72, HASH_VERSION, "")
    assert row.file_size == row.image.size
    assert row.hashed_at is not None


def test_caller_sees_the_hash_and_saving_again_keeps_it(media):
    asset = ImageAsset.objects.create(image=upload())
    before = hash_fields(asset)
    assert asset.perceptual_hash == before["perceptual_hash"]
    asset.save()
    assert hash_fields(asset) == before


def test_waits_for_the_commit(media):
    with transaction.atomic():
        asset = ImageAsset.objects.create(image=upload())
        asset.save()
        assert hash_fields(asset) == EMPTY_HASH_FIELDS
    assert hash_fields(asset)["perceptual_hash"]


def test_rolled_back_row_is_not_hashed(media):
    with transaction.atomic():
        ImageAsset.objects.create(image=upload())
        transaction.set_rollback(True)
    assert not ImageAsset.objects.exists()


def test_replacing_the_file_replaces_the_hash(media):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    old = hash_fields(asset)
    asset.image = upload(seed=2)
    asset.save()
    assert hash_fields(asset)["perceptual_hash"] not in {None, old["perceptual_hash"]}


def test_field_file_save_clears_and_hashes(media):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    old = asset.perceptual_hash
    asset.image.save("other.png", upload(seed=2))
    assert hash_fields(asset)["perceptual_hash"] not in {None, old}


def test_failure_of_the_old_file_is_cleared(media):
    asset = ImageAsset.objects.create(image=ContentFile(b"no picture", "broken.png"))
    assert "not an image" in hash_fields(asset)["hash_error"]
    asset.image = upload()
    asset.save()
    assert hash_fields(asset)["hash_error"] == ""
    assert hash_fields(asset)["perceptual_hash"]


def test_row_that_failed_is_not_tried_again_without_a_new_file(media):
    asset = ImageAsset.objects.create(image=ContentFile(b"no picture", "broken.png"))
    before = hash_fields(asset)
    stored(asset).save()
    assert hash_fields(asset) == before


def test_row_that_comes_with_its_hash_keeps_it(media):
    asset = ImageAsset.objects.create(image="copied.png", perceptual_hash="0123456789abcdef")
    assert hash_fields(asset)["perceptual_hash"] == "0123456789abcdef"
    assert hash_fields(asset)["hash_error"] == ""


def test_file_that_is_no_image_does_not_break_the_upload(media):
    asset = ImageAsset.objects.create(image=ContentFile(b"<svg/>", "drawing.png"))
    assert hash_fields(asset)["hash_error"] == "ValueError: Failed to process image: not an image in a supported format"


def test_missing_file_is_recorded_on_the_row(media):
    assert hash_fields(ImageAsset.objects.create(image="gone.png"))["hash_error"] == "File not found at gone.png"


def test_name_outside_the_storage_is_recorded_on_the_row(media):
    assert "SuspiciousFileOperation" in hash_fields(ImageAsset.objects.create(image="../secret.png"))["hash_error"]


def test_storage_that_cannot_be_reached_leaves_the_row_waiting(media, settings, caplog):
    settings.MEDIA_ROOT = str(media / "unmounted")
    asset = ImageAsset.objects.create(image="photo.png")
    assert hash_fields(asset) == EMPTY_HASH_FIELDS
    assert "The storage cannot be reached" in caplog.text


def test_database_error_while_hashing_does_not_break_the_upload(media, monkeypatch, caplog):
    def refuse(*arguments, **options):
        raise DatabaseError("refused")

    monkeypatch.setattr("hashing.backfill.writer.OutcomeWriter.write", refuse)
    asset = ImageAsset.objects.create(image=upload())
    assert hash_fields(asset) == EMPTY_HASH_FIELDS
    assert "refused" in caplog.text


def test_picture_above_the_limit_is_refused(media, settings):
    settings.HASHING = {"MAX_PIXELS": 100}
    assert "96 x 72 pixels declared" in hash_fields(ImageAsset.objects.create(image=upload()))["hash_error"]


def test_upload_during_the_hashing_takes_precedence(media, monkeypatch):
    def hash_slowly(job, *rest):
        ImageAsset.objects.filter(pk=job.pk).update(image="newer.png")
        return original(job, *rest)

    original = pool.hash_stored
    monkeypatch.setattr(pool, "hash_stored", hash_slowly)
    asset = ImageAsset.objects.create(image=upload())
    assert hash_fields(asset) == EMPTY_HASH_FIELDS
    assert asset.perceptual_hash is None


@pytest.fixture
def no_queue(monkeypatch):
    """A queue that cannot be reached."""

    def refuse(*arguments, **options):
        raise ConnectionError("Connection refused")

    monkeypatch.setattr("hashing.tasks.hash_upload", SimpleNamespace(enqueue=refuse))


def test_unavailable_queue_does_not_break_the_upload(media, settings, no_queue, caplog):
    settings.HASHING = {"ON_UPLOAD": "task"}
    asset = ImageAsset.objects.create(image=upload())
    assert hash_fields(asset) == EMPTY_HASH_FIELDS
    assert "left to the backfill: Connection refused" in caplog.text
    assert [record.name for record in caplog.records] == ["hashing.uploads"]


def test_replaced_picture_leaves_its_group_when_the_queue_is_unavailable(media, settings, no_queue):
    one, other = (ImageAsset.objects.create(image=upload()) for _ in range(2))
    assert stored_groups() == {one.pk: {one.pk, other.pk}}
    settings.HASHING = {"ON_UPLOAD": "task"}
    other.image.save("new.png", upload(seed=2))
    assert stored_groups() == {}
    assert ImageAsset.objects.never_tried().get() == other


def test_replaced_picture_leaves_its_group_when_hashing_fails(media, monkeypatch, caplog):
    def fail(*_arguments):
        raise RuntimeError("no memory")

    _one, other = (ImageAsset.objects.create(image=upload()) for _ in range(2))
    monkeypatch.setattr("hashing.uploads.hash_row", fail)
    other.image.save("new.png", upload(seed=2))
    assert stored_groups() == {}
    assert "no memory" in caplog.text


def test_off_leaves_the_row_to_the_backfill(media, settings):
    settings.HASHING = {"ON_UPLOAD": "off"}
    assert hash_fields(ImageAsset.objects.create(image=upload())) == EMPTY_HASH_FIELDS


def test_rows_of_a_fixture_are_not_hashed(media, tmp_path):
    asset = ImageAsset.objects.create(image=upload())
    ImageAsset.objects.filter(pk=asset.pk).update(perceptual_hash="f" * 16)
    call_command("dumpdata", "hashing.ImageAsset", output=str(tmp_path / "rows.json"))
    ImageAsset.objects.filter(pk=asset.pk).update(image="before.png")
    call_command("loaddata", str(tmp_path / "rows.json"), verbosity=0)
    assert hash_fields(asset)["perceptual_hash"] == "f" * 16


def test_bulk_create_leaves_the_rows_to_the_backfill(media):
    ImageAsset.objects.bulk_create([ImageAsset(image="a.png")])
    assert ImageAsset.objects.never_tried().count() == 1


def test_row_deleted_in_the_same_transaction_is_no_error(media, caplog):
    with transaction.atomic():
        ImageAsset.objects.create(image=upload()).delete()
    assert not caplog.records
