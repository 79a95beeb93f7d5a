from __future__ import annotations

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction
from PIL import Image

from hashing.grouping.decisions import decide_same, keep
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate
from samples.pictures import encoded, photo
from tests.grouping.conftest import stored_groups

pytestmark = pytest.mark.django_db(transaction=True)


def picture(seed: int = 1, size: tuple[int, int] = (160, 120)) -> ContentFile:
    return ContentFile(encoded(photo(seed=seed, size=(640, 480)).resize(size), "PNG"))


def upload(name: str, seed: int = 1, size: tuple[int, int] = (160, 120)) -> ImageAsset:
    asset = ImageAsset()
    asset.image.save(name, picture(seed, size))
    return asset


def test_upload_opens_a_group_and_the_next_one_joins_it(media):
    first = upload("one.png", size=(320, 240))
    upload("other.png", seed=2)
    assert stored_groups() == {}
    second = upload("two.png")
    assert stored_groups() == {first.pk: {first.pk, second.pk}}
    pk = DuplicateGroup.objects.get().pk
    third = upload("three.png", size=(80, 60))
    assert stored_groups() == {first.pk: {first.pk, second.pk, third.pk}}
    assert DuplicateGroup.objects.get().pk == pk


def test_better_upload_becomes_the_keeper(media):
    first, second = upload("one.png"), upload("two.png")
    better = upload("three.png", size=(320, 240))
    assert stored_groups() == {better.pk: {first.pk, second.pk, better.pk}}


def test_upload_joins_by_the_rules_of_the_last_run(media, group_all):
    one = upload("one.png", size=(320, 240))
    group_all(any_orientation=True)
    turned = ImageAsset()
    turned.image.save("turned.png", ContentFile(encoded(photo(seed=1).transpose(Image.Transpose.ROTATE_90), "PNG")))
    assert list(stored_groups().values()) == [{one.pk, turned.pk}]


@pytest.mark.parametrize("way", ["inline", "off", "task"])
def test_replaced_picture_leaves_its_group(media, settings, way):
    first, second, third = upload("one.png", size=(320, 240)), upload("two.png"), upload("three.png")
    settings.HASHING = {"ON_UPLOAD": way}
    second.image.save("new.png", picture(seed=3))
    assert stored_groups() == {first.pk: {first.pk, third.pk}}
    third.image.save("new.png", picture(seed=3))
    assert stored_groups().get(first.pk) is None


def test_deleted_picture_leaves_its_group(media):
    first, second, third = upload("one.png", size=(320, 240)), upload("two.png"), upload("three.png")
    second.delete()
    assert stored_groups() == {first.pk: {first.pk, third.pk}}
    third.delete()
    assert stored_groups() == {}


def test_others_of_a_deleted_keeper_are_a_group_of_their_own(media):
    first, second, third = upload("one.png", size=(320, 240)), upload("two.png"), upload("three.png")
    first.delete()
    assert stored_groups() == {second.pk: {second.pk, third.pk}}


@pytest.fixture
def chain(media, add_hashed, group_all, somebody):
    """A keeper, one that somebody has called the same, and one that matches the second alone."""
    keeper, same = add_hashed(width=300), add_hashed(flips=4, width=200)
    third = add_hashed(width=100)
    group_all()
    keep(DuplicateGroup.objects.get(), keeper.pk, somebody.pk)
    return keeper, same, third


def test_picture_that_matched_a_deleted_one_alone_leaves(chain, add_hashed, group_all):
    keeper, same, third = chain
    last = add_hashed(flips=8)
    assert group_all() == {keeper.pk: {keeper.pk, same.pk, third.pk, last.pk}}
    same.delete()
    assert stored_groups() == {keeper.pk: {keeper.pk, third.pk}} == group_all()


def test_picture_that_was_the_same_as_a_deleted_one_alone_is_asked_about(chain, add_hashed, group_all, somebody):
    keeper, same, third = chain
    same.delete()
    better = add_hashed(width=400)
    group_all()
    decide_same(DuplicateGroup.objects.get(), keeper.pk, somebody.pk)
    assert DuplicateGroup.objects.get().open_count == 0
    keeper.delete()
    group = DuplicateGroup.objects.get()
    assert (group.keeper_id, group.open_count) == (better.pk, 1)
    assert set(group.members.values_list("asset", flat=True)) == {better.pk, third.pk}


def test_many_are_deleted_at_once(media):
    pictures = [upload(f"{number}.png") for number in range(5)] + [upload(f"b{n}.png", seed=2) for n in range(2)]
    ImageAsset.objects.filter(pk__in=[pictures[0].pk, pictures[1].pk, pictures[5].pk]).delete()
    assert stored_groups() == {pictures[2].pk: {picture.pk for picture in pictures[2:5]}}


def test_error_while_regrouping_does_not_undo_the_deletion(media, monkeypatch, caplog):
    _first, second, third = upload("one.png", size=(320, 240)), upload("two.png"), upload("three.png")
    with monkeypatch.context() as patch:
        patch.setattr("hashing.grouping.signals.update_groups", lambda *_arguments: 1 / 0)
        second.delete()
    assert not ImageAsset.objects.filter(pk=second.pk).exists()
    assert "division by zero" in caplog.text
    # Neither is it done again with the next deletion, nor does it stop that one.
    third.delete()
    assert stored_groups() == {}


def test_groups_are_made_again_once_for_all_that_is_deleted_together(media, monkeypatch):
    ones = [upload(f"{number}.png") for number in range(4)]
    others = [upload(f"b{number}.png", seed=2) for number in range(3)]
    calls = []
    monkeypatch.setattr("hashing.grouping.signals.update_groups", lambda keys, _using: calls.append(keys))
    ImageAsset.objects.filter(pk__in=[ones[1].pk, ones[2].pk]).delete()
    ImageAsset.objects.filter(pk=others[1].pk).delete()
    # What the first deletion was about is forgotten before the second.
    assert calls == [{ones[0].pk}, {others[0].pk}]


def test_deletion_that_is_rolled_back_changes_nothing(media):
    first, second = upload("one.png", size=(320, 240)), upload("two.png")
    with transaction.atomic():
        second.delete()
        transaction.set_rollback(True)
    assert list(stored_groups()) == [first.pk]


def test_mark_does_not_outlive_the_file_it_was_given_for(media, somebody):
    first, second = upload("one.png", size=(320, 240)), upload("two.png")
    keep(DuplicateGroup.objects.get(), first.pk, somebody.pk)
    assert [row.pk for row in MarkedDuplicate.objects.all()] == [second.pk]
    name = second.image.name
    # So that the storage gives the new file the very same name.
    media.joinpath(name).unlink()
    second.image = File(picture(seed=3), "two.png")
    second.save()
    assert second.image.name == name
    assert not MarkedDuplicate.objects.exists()
