from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import DatabaseError, transaction

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from hashing.models.hash_fields import EMPTY_HASH_FIELDS, HASH_FIELDS
from hashing.perceptual_hash import compute_perceptual_hash
from hashing.workers import pool
from samples.pictures import encoded, photo
from tests.grouping.conftest import stored_groups

pytestmark = pytest.mark.django_db(transaction=True)


def upload(seed: int = 1, name: str = "photo.png") -> ContentFile:
    return ContentFile(encoded(photo(seed=seed, size=(96, 72)), "PNG"), name)


def stored(asset: ImageAsset) -> ImageAsset:
    return ImageAsset.objects.get(pk=asset.pk)


def facts(asset: ImageAsset) -> dict[str, object]:
    return ImageAsset.objects.filter(pk=asset.pk).values(*HASH_FIELDS).get()


def test_new_row_is_hashed(media):
    asset = ImageAsset.objects.create(image=upload())
    row = stored(asset)
    assert row.perceptual_hash == compute_perceptual_hash(row.image.path)
    assert (row.width, row.height, row.hash_version, row.hash_error) == (96, 72, HASH_VERSION, "")
    assert row.file_size == row.image.size
    assert row.hashed_at is not None


def test_caller_sees_the_hash_and_saving_again_keeps_it(media):
    asset = ImageAsset.objects.create(image=upload())
    before = facts(asset)
    assert asset.perceptual_hash == before["perceptual_hash"]
    asset.save()
    assert facts(asset) == before


def test_waits_for_the_commit(media):
    with transaction.atomic():
        asset = ImageAsset.objects.create(image=upload())
        asset.save()
        assert facts(asset) == EMPTY_HASH_FIELDS
    assert facts(asset)["perceptual_hash"]


def test_rolled_back_row_is_not_hashed(media):
    with transaction.atomic():
        ImageAsset.objects.create(image=upload())
        transaction.set_rollback(True)
    assert not ImageAsset.objects.exists()


def test_replacing_the_file_replaces_the_hash(media):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    old = facts(asset)
    asset.image = upload(seed=2)
    asset.save()
    assert facts(asset)["perceptual_hash"] not in {None, old["perceptual_hash"]}


@pytest.mark.parametrize(
    "replace",
    [
        pytest.param(lambda asset: asset.save(), id="save"),
        pytest.param(lambda asset: asset.save(update_fields=["image"]), id="update_fields"),
    ],
)
def test_replacing_the_file_clears_all_facts_in_the_same_write(media, settings, replace):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    settings.HASHING = {"ON_UPLOAD": "off"}
    asset.image = upload(seed=2)
    replace(asset)
    assert facts(asset) == EMPTY_HASH_FIELDS


def test_another_name_clears_the_facts(media, settings):
    asset = ImageAsset.objects.create(image=upload())
    settings.HASHING = {"ON_UPLOAD": "off"}
    asset.image = "elsewhere.png"
    asset.save()
    assert facts(asset) == EMPTY_HASH_FIELDS


def test_field_file_save_clears_and_hashes(media):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    old = asset.perceptual_hash
    asset.image.save("other.png", upload(seed=2))
    assert facts(asset)["perceptual_hash"] not in {None, old}


def test_replacing_the_file_of_an_instance_without_its_facts_clears_them(media, settings):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    settings.HASHING = {"ON_UPLOAD": "off"}
    partly = ImageAsset.objects.only("image").get(pk=asset.pk)
    partly.image = upload(seed=2)
    partly.save()
    assert facts(asset) == EMPTY_HASH_FIELDS


def test_failure_of_the_old_file_is_cleared(media):
    asset = ImageAsset.objects.create(image=ContentFile(b"no picture", "broken.png"))
    assert "not an image" in facts(asset)["hash_error"]
    asset.image = upload()
    asset.save()
    assert facts(asset)["hash_error"] == ""
    assert facts(asset)["perceptual_hash"]


def test_stale_instance_that_brings_the_old_file_back_brings_no_hash_of_the_new_one(media, settings):
    asset = ImageAsset.objects.create(image=upload(seed=1))
    stale = stored(asset)
    asset.image = upload(seed=2)
    asset.save()
    settings.HASHING = {"ON_UPLOAD": "off"}
    stale.save(update_fields=["image"])
    assert facts(asset) == EMPTY_HASH_FIELDS


def test_saving_other_fields_leaves_the_facts(media):
    asset = ImageAsset.objects.create(image=upload())
    before = facts(asset)
    asset.save(update_fields=["created_at"])
    ImageAsset.objects.defer("image").get(pk=asset.pk).save()
    assert facts(asset) == before


def test_row_that_failed_is_not_tried_again_without_a_new_file(media):
    asset = ImageAsset.objects.create(image=ContentFile(b"no picture", "broken.png"))
    before = facts(asset)
    stored(asset).save()
    assert facts(asset) == before


def test_row_that_comes_with_its_hash_keeps_it(media):
    asset = ImageAsset.objects.create(image="copied.png", perceptual_hash="0123456789abcdef")
    assert facts(asset)["perceptual_hash"] == "0123456789abcdef"
    assert facts(asset)["hash_error"] == ""


def test_file_that_is_no_image_does_not_break_the_upload(media):
    asset = ImageAsset.objects.create(image=ContentFile(b"<svg/>", "drawing.png"))
    assert facts(asset)["hash_error"] == "ValueError: Failed to process image: not an image in a supported format"


def test_missing_file_is_told_on_the_row(media):
    assert facts(ImageAsset.objects.create(image="gone.png"))["hash_error"] == "File not found at gone.png"


def test_name_outside_the_storage_is_told_on_the_row(media):
    assert "SuspiciousFileOperation" in facts(ImageAsset.objects.create(image="../secret.png"))["hash_error"]


def test_storage_that_cannot_be_reached_leaves_the_row_waiting(media, settings, caplog):
    settings.MEDIA_ROOT = str(media / "unmounted")
    asset = ImageAsset.objects.create(image="photo.png")
    assert facts(asset) == EMPTY_HASH_FIELDS
    assert "The storage cannot be reached" in caplog.text


def test_database_error_while_hashing_does_not_break_the_upload(media, monkeypatch, caplog):
    def refuse(*arguments, **options):
        raise DatabaseError("refused")

    monkeypatch.setattr("hashing.backfill.engine.OutcomeWriter.write", refuse)
    asset = ImageAsset.objects.create(image=upload())
    assert facts(asset) == EMPTY_HASH_FIELDS
    assert "refused" in caplog.text


def test_picture_above_the_limit_is_refused(media, settings):
    settings.HASHING = {"MAX_PIXELS": 100}
    assert "96 x 72 pixels declared" in facts(ImageAsset.objects.create(image=upload()))["hash_error"]


def test_upload_during_the_hashing_wins(media, monkeypatch):
    def hash_slowly(job, *rest):
        ImageAsset.objects.filter(pk=job.pk).update(image="newer.png")
        return original(job, *rest)

    original = pool.hash_stored_file
    monkeypatch.setattr(pool, "hash_stored_file", hash_slowly)
    asset = ImageAsset.objects.create(image=upload())
    assert facts(asset) == EMPTY_HASH_FIELDS
    assert asset.perceptual_hash is None


@pytest.fixture
def no_queue(monkeypatch):
    """A queue that cannot be reached."""

    def refuse(*arguments, **options):
        raise ConnectionError("Connection refused")

    monkeypatch.setattr("hashing.tasks.hash_upload", SimpleNamespace(enqueue=refuse))


def test_queue_that_is_away_breaks_no_upload(media, settings, no_queue, caplog):
    settings.HASHING = {"ON_UPLOAD": "task"}
    asset = ImageAsset.objects.create(image=upload())
    assert facts(asset) == EMPTY_HASH_FIELDS
    assert "left to the backfill: Connection refused" in caplog.text
    assert [record.name for record in caplog.records] == ["hashing.uploads"]


def test_replaced_picture_leaves_its_group_when_the_queue_is_away(media, settings, no_queue):
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
    assert facts(ImageAsset.objects.create(image=upload())) == EMPTY_HASH_FIELDS


def test_fixture_is_left_alone(media, tmp_path):
    asset = ImageAsset.objects.create(image=upload())
    ImageAsset.objects.filter(pk=asset.pk).update(perceptual_hash="f" * 16)
    call_command("dumpdata", "hashing.ImageAsset", output=str(tmp_path / "rows.json"))
    ImageAsset.objects.filter(pk=asset.pk).update(image="before.png")
    call_command("loaddata", str(tmp_path / "rows.json"), verbosity=0)
    assert facts(asset)["perceptual_hash"] == "f" * 16


def test_bulk_create_leaves_the_rows_to_the_backfill(media):
    ImageAsset.objects.bulk_create([ImageAsset(image="a.png")])
    assert ImageAsset.objects.never_tried().count() == 1


def test_update_of_the_file_name_clears_the_facts(media):
    asset = ImageAsset.objects.create(image=upload())
    ImageAsset.objects.filter(pk=asset.pk).update(image="other.png")
    assert facts(asset) == EMPTY_HASH_FIELDS


def test_bulk_update_of_the_file_name_clears_the_facts(media):
    asset = ImageAsset.objects.create(image=upload())
    row = stored(asset)
    row.image = "other.png"
    ImageAsset.objects.bulk_update([row], ["image"])
    assert facts(asset) == EMPTY_HASH_FIELDS
    assert stored(asset).image.name == "other.png"


def test_update_of_other_fields_leaves_the_facts(media):
    asset = ImageAsset.objects.create(image=upload())
    ImageAsset.objects.update(file_size=5)
    assert facts(asset)["perceptual_hash"]


def test_row_deleted_in_the_same_transaction_is_no_error(media, caplog):
    with transaction.atomic():
        ImageAsset.objects.create(image=upload()).delete()
    assert not caplog.records
