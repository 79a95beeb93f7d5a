from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction
from PIL import Image

from hashing.grouping import find_duplicates
from hashing.grouping.decisions import decide_different, decide_same, delete_decisions, keep, undo
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision
from hashing.signals import duplicates_found, pair_decided
from samples.pictures import encoded, photo
from tests.conftest import refuse
from tests.grouping.conftest import stored_groups

pytestmark = pytest.mark.django_db(transaction=True)

SAME, DIFFERENT = PairDecision.Verdict.SAME, PairDecision.Verdict.DIFFERENT


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
def test_image_with_another_file_leaves_its_group(media, settings, way):
    first, second, third = upload("one.png", size=(320, 240)), upload("two.png"), upload("three.png")
    settings.HASHING = {"ON_UPLOAD": way}
    second.image.save("new.png", picture(seed=3))
    assert stored_groups() == {first.pk: {first.pk, third.pk}}
    third.image.save("new.png", picture(seed=3))
    assert stored_groups().get(first.pk) is None


def test_deleted_image_leaves_its_group(media):
    first, second, third = upload("one.png", size=(320, 240)), upload("two.png"), upload("three.png")
    second.delete()
    assert stored_groups() == {first.pk: {first.pk, third.pk}}
    third.delete()
    assert stored_groups() == {}


def test_members_of_a_deleted_keeper_form_a_new_group(media):
    first, second, third = upload("one.png", size=(320, 240)), upload("two.png"), upload("three.png")
    first.delete()
    assert stored_groups() == {second.pk: {second.pk, third.pk}}


@pytest.fixture
def chain_with_files(media, add_hashed, group_all, somebody):
    """A keeper, one that somebody has called the same, and one that matches the second alone."""
    keeper, same = add_hashed(width=300), add_hashed(flips=4, width=200)
    third = add_hashed(width=100)
    group_all()
    keep(DuplicateGroup.objects.get(), [keeper.pk], somebody.pk)
    return keeper, same, third


def test_image_that_matched_only_a_deleted_one_leaves_the_group(chain_with_files, add_hashed, group_all):
    keeper, same, third = chain_with_files
    last = add_hashed(flips=8)
    assert group_all() == {keeper.pk: {keeper.pk, same.pk, third.pk, last.pk}}
    same.delete()
    assert stored_groups() == {keeper.pk: {keeper.pk, third.pk}} == group_all()


def test_image_that_was_the_same_only_as_a_deleted_one_is_undecided_again(
    chain_with_files, add_hashed, group_all, somebody
):
    keeper, same, third = chain_with_files
    same.delete()
    better = add_hashed(width=400)
    group_all()
    decide_same(DuplicateGroup.objects.get(), [keeper.pk], somebody.pk)
    assert DuplicateGroup.objects.get().open_count == 0
    keeper.delete()
    group = DuplicateGroup.objects.get()
    assert (group.keeper_id, group.open_count) == (better.pk, 1)
    assert set(group.members.values_list("asset", flat=True)) == {better.pk, third.pk}


def test_many_are_deleted_at_once(media):
    pictures = [upload(f"{number}.png") for number in range(5)] + [upload(f"b{n}.png", seed=2) for n in range(2)]
    ImageAsset.objects.filter(pk__in=[pictures[0].pk, pictures[1].pk, pictures[5].pk]).delete()
    assert stored_groups() == {pictures[2].pk: {picture.pk for picture in pictures[2:5]}}


def test_error_while_updating_groups_does_not_undo_the_deletion(media, monkeypatch, caplog):
    _first, second, third = upload("one.png", size=(320, 240)), upload("two.png"), upload("three.png")
    with monkeypatch.context() as patch:
        patch.setattr("hashing.grouping.signals.update_groups", lambda *_arguments: 1 / 0)
        second.delete()
    assert not ImageAsset.objects.filter(pk=second.pk).exists()
    assert "division by zero" in caplog.text
    # Neither is it done again with the next deletion, nor does it stop that one.
    third.delete()
    assert stored_groups() == {}


def test_groups_are_updated_once_for_a_whole_deletion(media, monkeypatch):
    ones = [upload(f"{number}.png") for number in range(4)]
    others = [upload(f"b{number}.png", seed=2) for number in range(3)]
    calls = []
    monkeypatch.setattr("hashing.grouping.signals.update_groups", lambda keys, _using: calls.append(keys))
    ImageAsset.objects.filter(pk__in=[ones[1].pk, ones[2].pk]).delete()
    ImageAsset.objects.filter(pk=others[1].pk).delete()
    # A deletion that was rolled back in another test may have left keys that are ignored.
    existing = set(ImageAsset.objects.values_list("pk", flat=True))
    assert [keys & existing for keys in calls] == [{ones[0].pk}, {others[0].pk}]


def test_deletion_that_is_rolled_back_changes_nothing(media):
    first, second = upload("one.png", size=(320, 240)), upload("two.png")
    with transaction.atomic():
        second.delete()
        transaction.set_rollback(True)
    assert list(stored_groups()) == [first.pk]


def test_mark_ends_with_its_file_even_if_the_name_stays(media, somebody):
    first, second = upload("one.png", size=(320, 240)), upload("two.png")
    keep(DuplicateGroup.objects.get(), [first.pk], somebody.pk)
    assert [row.pk for row in MarkedDuplicate.objects.all()] == [second.pk]
    name = second.image.name
    # So that the storage gives the new file the very same name.
    media.joinpath(name).unlink()
    second.image = File(picture(seed=3), "two.png")
    second.save()
    assert second.image.name == name
    assert not MarkedDuplicate.objects.exists()


@pytest.fixture
def editor(db):
    return User.objects.create_user("editor")


def test_search_announces_groups_that_are_new_or_have_grown(add_hashed, listen):
    for picture in (0, 0, 1, 1):
        add_hashed(picture)
    sent = listen(duplicates_found)
    find_duplicates()
    [found] = sent
    assert (found["asset"], found["using"]) == (None, "default")
    assert list(found["groups"]) == list(DuplicateGroup.objects.order_by("pk"))
    find_duplicates()
    assert len(sent) == 1
    late = add_hashed(1)
    find_duplicates()
    assert list(sent[1]["groups"]) == [DuplicateGroup.objects.get(members__asset=late)]


def test_dry_run_announces_nothing(add_hashed, listen):
    add_hashed(0), add_hashed(0)
    sent = listen(duplicates_found)
    find_duplicates(dry_run=True)
    assert sent == []


def verdicts(sent):
    return [(each["pair"], each["verdict"], each["duplicate"], each["is_undone"]) for each in sent]


def test_decisions_are_announced_with_their_user(add_hashed, editor, listen):
    first, second, third = (add_hashed(0).pk for _ in range(3))
    find_duplicates()
    sent = listen(pair_decided)
    decide_same(DuplicateGroup.objects.get(), [second], editor.pk)
    assert verdicts(sent) == [((first, second), SAME, second, False)]
    assert (sent[0]["user"], sent[0]["using"]) == (editor, "default")
    sent.clear()
    decide_different(DuplicateGroup.objects.get(), [third], editor.pk)
    assert verdicts(sent) == [((first, third), DIFFERENT, None, False)]


def test_undone_decision_is_announced_with_the_restored_one(add_hashed, editor, listen):
    first, second = (add_hashed(0).pk for _ in range(2))
    find_duplicates()
    decide_same(DuplicateGroup.objects.get(), [second], editor.pk)
    sent = listen(pair_decided)
    batch = keep(DuplicateGroup.objects.get(), [second], editor.pk)
    assert verdicts(sent) == [((first, second), SAME, first, False)]
    sent.clear()
    undo(batch, editor.pk)
    assert verdicts(sent) == [((first, second), SAME, second, True)]


def test_superseded_and_deleted_decisions_are_announced(add_hashed, editor, listen):
    first, second, third = (add_hashed(0).pk for _ in range(3))
    find_duplicates()
    keep(DuplicateGroup.objects.get(), [first], editor.pk)
    sent = listen(pair_decided)
    keep(DuplicateGroup.objects.get(), [second], editor.pk)
    assert ((first, third), None, None, False) in verdicts(sent)
    sent.clear()
    delete_decisions({(first, second)}, "default", editor.pk)
    assert verdicts(sent) == [((first, second), None, None, True)]
    assert sent[0]["user"] == editor


def test_refused_decision_is_not_announced(add_hashed, editor, listen):
    _first, second = (add_hashed(0).pk for _ in range(2))
    find_duplicates()
    sent = listen(pair_decided)
    with transaction.atomic():
        decide_same(DuplicateGroup.objects.get(), [second], editor.pk)
        transaction.set_rollback(True)
    assert sent == []


def test_decision_stands_where_a_receiver_raises(add_hashed, editor, listen, caplog):
    _first, second = (add_hashed(0).pk for _ in range(2))
    find_duplicates()
    listen(pair_decided, refuse)
    decide_same(DuplicateGroup.objects.get(), [second], editor.pk)
    assert PairDecision.objects.count() == 1
    assert "the receiver is broken" in caplog.text
