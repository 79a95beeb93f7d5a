from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.files.storage import FileSystemStorage

from hashing.backfill import backfill_perceptual_hashes
from hashing.grouping import find_duplicates
from hashing.grouping.decision_log import DecisionRefused
from hashing.grouping.decisions import decide_same, keep
from hashing.grouping.deletion import file_problem, find_keepers, reasons_to_stay, record_problem
from hashing.grouping.incremental import update_groups
from hashing.grouping.pair_constraints import read_constraints
from hashing.models import ImageAsset, MarkedDuplicate, PairDecision
from hashing.stored_files.availability import StorageUnavailable
from samples.pictures import photo
from tests.grouping.conftest import stored_groups, the_group


@pytest.fixture
def trio_with_files(media, trio) -> list[ImageAsset]:
    """A keeper and two copies with files, in one group."""
    for row in trio:
        (media / row.image.name).write_bytes(bytes(row.file_size))
    return trio


def lose(asset: ImageAsset) -> None:
    record_problem(asset, "File not found", "default")


def test_file_problem_compares_the_stored_file_with_the_hashed_one(trio_with_files, media):
    assert file_problem(trio_with_files[0]) == ""
    (media / "0.jpg").write_bytes(b"x")
    assert file_problem(trio_with_files[0]) == "The file at 0.jpg is not the one that was hashed"
    (media / "0.jpg").unlink()
    assert file_problem(trio_with_files[0]) == "File not found at 0.jpg"


def test_storage_that_does_not_answer_is_unavailable(trio_with_files, settings, media, monkeypatch):
    settings.MEDIA_ROOT = str(media / "unmounted")
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        file_problem(trio_with_files[0])
    monkeypatch.setattr(FileSystemStorage, "exists", lambda *_arguments: 1 / 0)
    with pytest.raises(StorageUnavailable, match="ZeroDivisionError"):
        file_problem(trio_with_files[0])


def test_group_of_a_keeper_without_a_file_gets_another_keeper(trio):
    keeper, one, other = trio
    lose(keeper)
    assert stored_groups() == {one.pk: {keeper.pk, one.pk, other.pk}}
    # And so it is in the next search.
    find_duplicates()
    assert stored_groups() == {one.pk: {keeper.pk, one.pk, other.pk}}


def test_problem_of_a_replaced_file_is_not_recorded(trio):
    stale = ImageAsset.objects.get(pk=trio[0].pk)
    ImageAsset.objects.filter(pk=stale.pk).update(image="new.jpg", perceptual_hash="0" * 16)
    lose(stale)
    assert ImageAsset.objects.get(pk=stale.pk).hash_error == ""


def test_image_without_a_file_cannot_be_kept(trio, somebody):
    keeper, one, _other = trio
    ImageAsset.objects.filter(pk=keeper.pk).update(hash_error="File not found")
    with pytest.raises(DecisionRefused, match="cannot be kept: File not found"):
        keep(the_group(), [keeper.pk], somebody.pk)
    with pytest.raises(DecisionRefused, match="cannot be kept: File not found"):
        decide_same(the_group(), [one.pk], somebody.pk)
    assert not MarkedDuplicate.objects.exists()


@pytest.mark.parametrize("size", [2, 1000], ids=["large group", "small group"])
def test_group_is_undecided_again_when_its_keeper_loses_its_file(trio, somebody, monkeypatch, size):
    keeper, one, other = trio
    keep(the_group(), [keeper.pk], somebody.pk)
    assert the_group().open_count == 0
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", size)
    lose(keeper)
    assert stored_groups() == {one.pk: {keeper.pk, one.pk, other.pk}}
    assert the_group().open_count == 2
    # Nothing is kept of them, but each is still marked: what was decided is not forgotten.
    assert read_constraints("default").lost == {row.pk for row in trio}
    assert set(MarkedDuplicate.objects.all().values_list("pk", flat=True)) == {one.pk, other.pk}


@pytest.mark.parametrize("decide", [keep, decide_same])
def test_another_image_replaces_a_keeper_without_a_file(trio, somebody, decide):
    keeper, one, other = trio
    keep(the_group(), [keeper.pk], somebody.pk)
    lose(keeper)
    decide(the_group(), [one.pk if decide is keep else other.pk], somebody.pk)
    assert the_group().keeper_id == one.pk
    assert set(MarkedDuplicate.objects.values_list("pk", flat=True)) == {keeper.pk, other.pk}
    assert read_constraints("default").lost == set()
    assert the_group().open_count == 0


def test_group_is_decided_again_when_the_file_of_its_keeper_is_back(trio, somebody):
    keeper, _one, _other = trio
    keep(the_group(), [keeper.pk], somebody.pk)
    lose(keeper)
    record_problem(keeper, "", "default")
    update_groups([the_group().keeper_id], "default")
    assert (the_group().keeper_id, the_group().open_count) == (keeper.pk, 0)


@pytest.mark.django_db(transaction=True)
def test_rehash_and_search_find_another_keeper_for_a_missing_file(media, somebody):
    for number, width in enumerate((320, 160, 160)):
        photo(seed=1, size=(640, 480)).resize((width, width * 3 // 4)).save(media / f"{number}.png")
    rows = ImageAsset.objects.bulk_create([ImageAsset(image=f"{number}.png") for number in range(3)])
    backfill_perceptual_hashes()
    find_duplicates()
    keep(the_group(), [rows[0].pk], somebody.pk)
    (media / "0.png").unlink()
    backfill_perceptual_hashes(rehash=True)
    find_duplicates()
    assert stored_groups() == {rows[1].pk: {rows[1].pk, rows[2].pk}}
    assert the_group().open_count == 1


def without_keeper(keys: set[int]) -> set[int]:
    """Those of the marked duplicates that must not be deleted."""
    return reasons_to_stay(keys, "default", find_keepers(keys, "default")).keys()


def test_image_that_is_not_the_same_is_no_keeper_of_a_duplicate(chain, media):
    better, keeper, one = chain
    for row in chain:
        (media / row.image.name).write_bytes(bytes(row.file_size))
    assert without_keeper({keeper.pk, one.pk}) == set()
    lower, higher = sorted((better.pk, one.pk))
    names = {better.pk: better.image.name, one.pk: one.image.name}
    files = {"lower_file": names[lower], "higher_file": names[higher]}
    PairDecision.objects.create(lower_id=lower, higher_id=higher, verdict="different", batch=uuid4(), **files)
    assert without_keeper({keeper.pk, one.pk}) == {one.pk}
