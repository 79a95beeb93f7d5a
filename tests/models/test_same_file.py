"""A hash and the decisions belong to a stored file. No write loses them as long as the file is the same."""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.db import transaction

from hashing.backfill import Backfill, BackfillOptions, backfill_perceptual_hashes
from hashing.backfill.writer import OutcomeWriter
from hashing.grouping.decisions import decide_different, keep
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from hashing.models.hash_fields import EMPTY_HASH_FIELDS, HASH_FIELDS
from hashing.perceptual_hash import compute_perceptual_hash
from samples.pictures import encoded, photo
from tests.grouping.conftest import stored_groups

pytestmark = pytest.mark.django_db(transaction=True)

HASH = {"perceptual_hash": "0123456789abcdef", "hash_version": 1, "width": 40, "hash_quality": 90}


def upload(seed: int = 1, name: str = "photo.png") -> ContentFile:
    return ContentFile(encoded(photo(seed=seed, size=(96, 72)), "PNG"), name)


def facts(asset: ImageAsset) -> dict[str, object]:
    return ImageAsset.objects.filter(pk=asset.pk).values(*HASH_FIELDS).get()


@pytest.fixture
def stale(media) -> ImageAsset:
    """An instance that was read before its row was hashed."""
    ImageAsset.objects.bulk_create([ImageAsset(image="a.png")])
    asset = ImageAsset.objects.get()
    ImageAsset.objects.update(**HASH)
    return asset


def in_async_code(call: Callable[[], Awaitable[object]]) -> None:
    async def run() -> None:
        await call()

    async_to_sync(run)()


def save_a_pickled_copy(asset: ImageAsset) -> None:
    pickle.loads(pickle.dumps(asset)).save()


def save_a_locked_copy(asset: ImageAsset) -> None:
    with transaction.atomic():
        ImageAsset.objects.select_for_update().get(pk=asset.pk).save()


def save_refreshed(asset: ImageAsset) -> None:
    asset.refresh_from_db(fields=["created_at"])
    asset.save()


def save_a_copy_without(*deferred: str):
    def save(asset: ImageAsset) -> None:
        copy = ImageAsset.objects.defer(*deferred).get(pk=asset.pk)
        if "perceptual_hash" not in deferred:
            copy.perceptual_hash = None
        copy.save()

    return save


def save_made_by_hand(asset: ImageAsset) -> None:
    ImageAsset(pk=asset.pk, image="a.png").save()


def bulk_update(asset: ImageAsset) -> None:
    assert ImageAsset.objects.bulk_update([asset], ["image", "created_at"]) == 1


def abulk_update(asset: ImageAsset) -> None:
    in_async_code(lambda: ImageAsset.objects.abulk_update([asset], ["image"]))


def bulk_create(asset: ImageAsset) -> None:
    ImageAsset.objects.bulk_create(
        [ImageAsset(pk=asset.pk, image="a.png")], update_conflicts=True, update_fields=["image"], unique_fields=["pk"]
    )


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda asset: asset.save(), id="save"),
        pytest.param(lambda asset: in_async_code(asset.asave), id="asave"),
        pytest.param(lambda asset: asset.save(update_fields=["image"]), id="update_fields"),
        pytest.param(lambda asset: asset.save(force_update=True), id="force_update"),
        pytest.param(save_a_pickled_copy, id="pickled"),
        pytest.param(save_a_locked_copy, id="select_for_update"),
        pytest.param(save_refreshed, id="refresh_from_db"),
        pytest.param(save_a_copy_without("image"), id="file deferred"),
        pytest.param(save_a_copy_without("perceptual_hash", "width"), id="hash deferred"),
        pytest.param(save_made_by_hand, id="made by hand"),
        pytest.param(
            lambda asset: ImageAsset.objects.update_or_create(pk=asset.pk, defaults={"image": "a.png"}),
            id="update_or_create",
        ),
        pytest.param(lambda _asset: ImageAsset.objects.update(image="a.png"), id="update"),
        pytest.param(lambda _asset: in_async_code(lambda: ImageAsset.objects.aupdate(image="a.png")), id="aupdate"),
        pytest.param(bulk_update, id="bulk_update"),
        pytest.param(abulk_update, id="abulk_update"),
        pytest.param(bulk_create, id="bulk_create"),
    ],
)
def test_hash_stays_with_the_same_file(stale, write):
    before = facts(stale)
    write(stale)
    assert facts(stale) == before


def upsert(asset: ImageAsset, image: object = "b.png") -> None:
    ImageAsset.objects.bulk_create(
        [ImageAsset(pk=asset.pk, image=image)], update_conflicts=True, update_fields=["image"], unique_fields=["pk"]
    )


def aupsert(asset: ImageAsset) -> None:
    rows = [ImageAsset(pk=asset.pk, image="b.png")]
    upsert_rows = partial(ImageAsset.objects.abulk_create, rows, update_conflicts=True)
    in_async_code(lambda: upsert_rows(update_fields=["image"], unique_fields=["id"]))


def rename(asset: ImageAsset) -> ImageAsset:
    asset.image = "b.png"
    return asset


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda asset: rename(asset).save(), id="save"),
        pytest.param(lambda asset: rename(asset).save(update_fields=["image"]), id="update_fields"),
        pytest.param(lambda asset: ImageAsset(pk=asset.pk, image="b.png").save(), id="made by hand"),
        pytest.param(lambda _asset: ImageAsset.objects.update(image="b.png"), id="update"),
        pytest.param(lambda _asset: in_async_code(lambda: ImageAsset.objects.aupdate(image="b.png")), id="aupdate"),
        pytest.param(lambda asset: ImageAsset.objects.bulk_update([rename(asset)], ["image"]), id="bulk_update"),
        pytest.param(
            lambda asset: abulk_update(rename(asset)),
            id="abulk_update",
        ),
        pytest.param(upsert, id="bulk_create"),
        pytest.param(aupsert, id="abulk_create"),
        pytest.param(
            lambda asset: ImageAsset.objects.update_or_create(pk=asset.pk, defaults={"image": "b.png"}),
            id="update_or_create",
        ),
    ],
)
def test_hash_goes_with_another_file(stale, settings, write):
    settings.HASHING = {"ON_UPLOAD": "off"}
    write(stale)
    assert facts(stale) == EMPTY_HASH_FIELDS
    assert ImageAsset.objects.get().image.name == "b.png"


def test_file_that_comes_with_its_hash_keeps_it(stale):
    ImageAsset.objects.update(image="b.png", perceptual_hash="f" * 16)
    rows = [ImageAsset(pk=stale.pk, image="c.png", perceptual_hash="e" * 16)]
    names = ["image", "perceptual_hash"]
    ImageAsset.objects.bulk_create(rows, update_conflicts=True, update_fields=names, unique_fields=["id"])
    assert facts(stale)["perceptual_hash"] == "e" * 16
    rename(stale).perceptual_hash = "d" * 16
    stale.save(update_fields=names)
    assert facts(stale)["perceptual_hash"] == "d" * 16
    assert facts(stale)["width"] is None


def test_upsert_creates_and_clears_only_what_it_replaces(stale):
    [kept] = ImageAsset.objects.bulk_create([ImageAsset(image="kept.png", **HASH)])
    rows = [ImageAsset(pk=stale.pk, image="b.png"), ImageAsset(pk=kept.pk, image="kept.png"), ImageAsset(image="n.png")]
    ImageAsset.objects.bulk_create(rows, update_conflicts=True, update_fields=["image"], unique_fields=["id"])
    assert list(ImageAsset.objects.hashed()) == [kept]
    assert ImageAsset.objects.count() == 3


def test_get_or_create_hashes_what_it_creates_and_leaves_what_is_there(media):
    asset, _created = ImageAsset.objects.get_or_create(pk=7, defaults={"image": upload()})
    before = facts(asset)
    assert before["perceptual_hash"]
    ImageAsset.objects.get_or_create(pk=7, defaults={"image": upload(seed=2)})
    assert facts(asset) == before


def test_fields_of_the_hash_are_written_when_they_are_named(stale):
    stale.hash_error = "broken"
    stale.save(update_fields=["hash_error"])
    assert facts(stale)["hash_error"] == "broken"
    assert facts(stale)["perceptual_hash"] == HASH["perceptual_hash"]


def test_instance_has_the_stored_hash_after_a_save(stale):
    stale.save()
    assert stale.perceptual_hash == HASH["perceptual_hash"]


def test_file_that_was_replaced_meanwhile_and_is_brought_back_has_no_hash(stale, settings):
    settings.HASHING = {"ON_UPLOAD": "off"}
    ImageAsset.objects.update(image="b.png", **HASH)
    stale.save()
    assert facts(stale) == EMPTY_HASH_FIELDS


def test_copy_of_an_instance_keeps_its_hash(stale):
    stale.refresh_from_db()
    stale.pk = None
    stale.save()
    assert ImageAsset.objects.hashed().count() == 2


def test_instance_of_a_deleted_row_is_saved_as_a_new_one(stale):
    ImageAsset.objects.all().delete()
    stale.save()
    assert ImageAsset.objects.get().image.name == "a.png"


@pytest.fixture
def overwriting(media, monkeypatch):
    """A storage that gives a new file the name of the stored one."""
    monkeypatch.setattr(ImageAsset.image.field, "storage", FileSystemStorage(allow_overwrite=True))


@pytest.fixture
def decided(overwriting, somebody) -> list[ImageAsset]:
    """Two copies in a group, the second of which is marked as a duplicate."""
    pair = [ImageAsset.objects.create(image=upload(name=f"{number}.png")) for number in range(2)]
    keep(DuplicateGroup.objects.get(), pair[0].pk, somebody.pk)
    return pair


@pytest.fixture
def somebody(django_user_model):
    return django_user_model.objects.create_user("somebody")


@pytest.mark.parametrize("number", [0, 1], ids=["lower key", "higher key"])
@pytest.mark.parametrize("way", ["inline", "task", "off"])
@pytest.mark.parametrize("is_saved_at_once", [True, False])
def test_other_bytes_under_the_name_of_the_stored_file_end_hash_and_decisions(
    decided, settings, number, way, is_saved_at_once
):
    settings.HASHING = {"ON_UPLOAD": way}
    asset = ImageAsset.objects.get(pk=decided[number].pk)
    name, before = asset.image.name, facts(asset)
    if is_saved_at_once:
        asset.image.save(f"{number}.png", upload(seed=2))
    else:
        asset.image = upload(seed=2, name=f"{number}.png")
        asset.save()
    assert asset.image.name == name
    assert facts(asset)["perceptual_hash"] != before["perceptual_hash"]
    assert not PairDecision.objects.in_force().exists()
    assert stored_groups() == {}


def test_upload_that_is_rolled_back_ends_no_decision(decided):
    with transaction.atomic():
        decided[0].image.save("0.png", upload(seed=2))
        transaction.set_rollback(True)
    assert PairDecision.objects.in_force().exists()
    assert facts(decided[0])["perceptual_hash"]


def test_upsert_of_other_bytes_under_the_stored_name_ends_hash_and_decisions(decided):
    upsert(decided[1], upload(seed=2, name="1.png"))
    assert ImageAsset.objects.get(pk=decided[1].pk).image.name == decided[1].image.name
    assert facts(decided[1]) == EMPTY_HASH_FIELDS
    assert not PairDecision.objects.in_force().exists()


def test_fixture_is_written_as_it_is(decided, tmp_path):
    call_command("dumpdata", "hashing.ImageAsset", output=str(tmp_path / "rows.json"))
    ImageAsset.objects.filter(pk=decided[0].pk).update(perceptual_hash=None)
    call_command("loaddata", str(tmp_path / "rows.json"), verbosity=0)
    assert facts(decided[0])["perceptual_hash"] == decided[0].perceptual_hash
    assert PairDecision.objects.in_force().exists()


def test_file_that_is_assigned_twice_before_the_commit_has_the_hash_of_the_second(media):
    with transaction.atomic():
        asset = ImageAsset.objects.create(image=upload(seed=1))
        asset.image = upload(seed=2, name="other.png")
        asset.save()
    other = ImageAsset.objects.create(image=upload(seed=2))
    assert facts(asset)["perceptual_hash"] == facts(other)["perceptual_hash"] == asset.perceptual_hash


def test_instance_with_a_file_that_is_not_saved_yet_takes_no_hash_of_the_stored_one(media):
    with transaction.atomic():
        asset = ImageAsset.objects.create(image=upload(seed=1))
        asset.image = upload(seed=2, name="other.png")
    assert asset.perceptual_hash is None
    assert facts(asset)["perceptual_hash"]


def test_not_the_same_outlives_the_save_of_an_instance_from_before_the_backfill(media, somebody):
    for number in range(2):
        photo(seed=1, size=(96, 72)).save(media / f"{number}.png")
    ImageAsset.objects.bulk_create([ImageAsset(image=f"{number}.png") for number in range(2)])
    stale, _other = ImageAsset.objects.order_by("pk")
    backfill_perceptual_hashes()
    call_command("find_duplicates", verbosity=0, no_progress=True)
    group = DuplicateGroup.objects.get()
    decide_different(group, max(group.members.values_list("asset", flat=True)), somebody.pk)
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
def test_backfill_that_read_the_bytes_of_before_writes_no_hash_of_them(
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
    report = Backfill(BackfillOptions(), in_process=True).run()
    assert (report.processed, report.total) == (1, 2)
    asset.refresh_from_db()
    assert asset.image.name == name
    assert asset.perceptual_hash in {None, compute_perceptual_hash(asset.image.path)}
    assert facts(other)["perceptual_hash"]


def test_stale_instance_does_not_bring_the_version_of_the_former_file_back(overwriting):
    asset = ImageAsset.objects.create(image=upload())
    stale = ImageAsset.objects.get()
    replace_with_save(asset)
    stale.save()
    assert ImageAsset.objects.get().file_version == asset.file_version == 1


def test_saving_a_row_keeps_its_own_hash_among_others(media):
    hashes = [f"{number}" * 16 for number in range(3)]
    rows = [ImageAsset(image="a.png") for _hash in hashes]
    ImageAsset.objects.bulk_create(rows)
    for row, perceptual_hash in zip(rows, hashes, strict=True):
        ImageAsset.objects.filter(pk=row.pk).update(perceptual_hash=perceptual_hash)
    for row in rows:
        row.save()
    assert list(ImageAsset.objects.order_by("pk").values_list("perceptual_hash", flat=True)) == hashes


def test_bulk_update_of_other_fields_leaves_the_hash_of_a_newer_file(stale):
    ImageAsset.objects.filter(pk=stale.pk).update(image="b.png", **HASH)
    ImageAsset.objects.bulk_update([stale], ["created_at"])
    assert facts(stale)["perceptual_hash"] == HASH["perceptual_hash"]


def test_bulk_update_of_the_file_with_its_hash_writes_both(stale):
    stale.image, stale.perceptual_hash = "b.png", "f" * 16
    ImageAsset.objects.bulk_update([stale], ["image", "perceptual_hash"])
    assert (facts(stale)["perceptual_hash"], facts(stale)["width"]) == ("f" * 16, HASH["width"])


def test_bulk_update_of_the_file_of_one_row_leaves_the_others(stale):
    other = ImageAsset.objects.bulk_create([ImageAsset(image="other.png", **HASH)])[0]
    stale.image = "b.png"
    ImageAsset.objects.bulk_update([stale], ["image"])
    assert facts(stale)["perceptual_hash"] is None
    assert facts(other)["perceptual_hash"] == HASH["perceptual_hash"]
