from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.db import transaction

from hashing.backfill import Backfill, BackfillOptions, backfill_perceptual_hashes
from hashing.backfill.writer import OutcomeWriter
from hashing.grouping.decisions import decide_different, keep
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from hashing.perceptual_hash import compute_perceptual_hash
from samples.pictures import photo
from tests.grouping.conftest import stored_groups
from tests.models.assets import hash_fields, upload, upsert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def overwriting(media, monkeypatch):
    """A storage that gives a new file the name of the stored one."""
    monkeypatch.setattr(ImageAsset.image.field, "storage", FileSystemStorage(allow_overwrite=True))


@pytest.fixture
def decided(overwriting, somebody) -> list[ImageAsset]:
    """Two copies in a group, the second of which is marked as a duplicate."""
    pair = [ImageAsset.objects.create(image=upload(name=f"{number}.png")) for number in range(2)]
    keep(DuplicateGroup.objects.get(), [pair[0].pk], somebody.pk)
    return pair


@pytest.fixture
def somebody(django_user_model):
    return django_user_model.objects.create_user("somebody")


@pytest.mark.parametrize("number", [0, 1], ids=["lower key", "higher key"])
@pytest.mark.parametrize("way", ["inline", "task", "off"])
@pytest.mark.parametrize("is_saved_at_once", [True, False])
def test_overwritten_file_clears_hash_and_decisions(decided, settings, number, way, is_saved_at_once):
    settings.HASHING = {"ON_UPLOAD": way}
    asset = ImageAsset.objects.get(pk=decided[number].pk)
    name, before = asset.image.name, hash_fields(asset)
    if is_saved_at_once:
        asset.image.save(f"{number}.png", upload(seed=2))
    else:
        asset.image = upload(seed=2, name=f"{number}.png")
        asset.save()
    assert asset.image.name == name
    assert hash_fields(asset)["perceptual_hash"] != before["perceptual_hash"]
    assert not PairDecision.objects.in_force().exists()
    assert stored_groups() == {}


def test_upload_that_is_rolled_back_keeps_decisions(decided):
    with transaction.atomic():
        decided[0].image.save("0.png", upload(seed=2))
        transaction.set_rollback(True)
    assert PairDecision.objects.in_force().exists()
    assert hash_fields(decided[0])["perceptual_hash"]


def test_upsert_that_overwrites_a_file_clears_hash_and_decisions(decided):
    upsert(decided[1], upload(seed=2, name="1.png"))
    assert ImageAsset.objects.get(pk=decided[1].pk).image.name == decided[1].image.name
    assert hash_fields(decided[1]) == EMPTY_HASH_FIELDS
    assert not PairDecision.objects.in_force().exists()


def test_fixture_restores_the_hash(decided, tmp_path):
    call_command("dumpdata", "hashing.ImageAsset", output=str(tmp_path / "rows.json"))
    ImageAsset.objects.filter(pk=decided[0].pk).update(perceptual_hash=None)
    call_command("loaddata", str(tmp_path / "rows.json"), verbosity=0)
    assert hash_fields(decided[0])["perceptual_hash"] == decided[0].perceptual_hash
    assert PairDecision.objects.in_force().exists()


def test_second_file_assigned_in_a_transaction_is_the_one_hashed(media):
    with transaction.atomic():
        asset = ImageAsset.objects.create(image=upload(seed=1))
        asset.image = upload(seed=2, name="other.png")
        asset.save()
    other = ImageAsset.objects.create(image=upload(seed=2))
    assert hash_fields(asset)["perceptual_hash"] == hash_fields(other)["perceptual_hash"] == asset.perceptual_hash


def test_instance_with_an_unsaved_file_does_not_get_the_hash_of_the_stored_one(media):
    with transaction.atomic():
        asset = ImageAsset.objects.create(image=upload(seed=1))
        asset.image = upload(seed=2, name="other.png")
    assert asset.perceptual_hash is None
    assert hash_fields(asset)["perceptual_hash"]


def test_saving_an_instance_read_before_the_backfill_keeps_decisions(media, somebody):
    for number in range(2):
        photo(seed=1, size=(96, 72)).save(media / f"{number}.png")
    ImageAsset.objects.bulk_create([ImageAsset(image=f"{number}.png") for number in range(2)])
    stale, _other = ImageAsset.objects.order_by("pk")
    backfill_perceptual_hashes()
    call_command("find_duplicates", verbosity=0, no_progress=True)
    group = DuplicateGroup.objects.get()
    decide_different(group, [max(group.members.values_list("asset", flat=True))], somebody.pk)
    stale.save()
    assert PairDecision.objects.in_force().count() == 1
    call_command("find_duplicates", verbosity=0, no_progress=True)
    assert stored_groups() == {}


def replace_with_save(asset: ImageAsset) -> None:
    asset.image.save(asset.image.name, upload(seed=2))


def replace_in_bulk(asset: ImageAsset) -> None:
    asset.image = upload(seed=2, name=asset.image.name)
    ImageAsset.objects.bulk_update([asset], ["image"])


def replace_and_bring_the_name_back(asset: ImageAsset) -> None:
    rows, name = ImageAsset.objects.filter(pk=asset.pk), asset.image.name
    rows.update(image="elsewhere.png")
    replace_with_save(asset)
    rows.update(image=name)


@pytest.mark.parametrize("way", ["inline", "off"])
@pytest.mark.parametrize("replace", [replace_with_save, replace_in_bulk, replace_and_bring_the_name_back])
def test_backfill_does_not_write_the_hash_of_a_file_replaced_meanwhile(
    overwriting, settings, monkeypatch, way, replace
):
    settings.HASHING = {"ON_UPLOAD": "off"}
    asset, other = [ImageAsset.objects.create(image=upload(name=f"{number}.png")) for number in range(2)]
    name, write = asset.image.name, OutcomeWriter.write
    settings.HASHING = {"ON_UPLOAD": way}

    def write_after_replacement(writer, outcomes, versions):
        monkeypatch.setattr(OutcomeWriter, "write", write)
        replace(ImageAsset.objects.get(pk=asset.pk))
        return writer.write(outcomes, versions)

    monkeypatch.setattr(OutcomeWriter, "write", write_after_replacement)
    report = Backfill(BackfillOptions(), for_page=True).run()
    assert (report.processed, report.total) == (1, 2)
    asset.refresh_from_db()
    assert asset.image.name == name
    assert asset.perceptual_hash in {None, compute_perceptual_hash(asset.image.path)}
    assert hash_fields(other)["perceptual_hash"]


def test_old_instance_does_not_reset_the_file_version(overwriting):
    asset = ImageAsset.objects.create(image=upload())
    stale = ImageAsset.objects.get()
    replace_with_save(asset)
    stale.save()
    assert ImageAsset.objects.get().file_version == asset.file_version == 1
