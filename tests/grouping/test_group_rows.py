from __future__ import annotations

from django.db.models.signals import post_delete

from hashing.grouping import find_duplicates
from hashing.grouping.group_rows import copy_names, delete_quietly, find_renamed, remove_members
from hashing.grouping.incremental import update_groups
from hashing.models import DuplicateGroup, GroupMember, ImageAsset
from tests.grouping.conftest import the_group


def test_quiet_deletion_sends_no_signal_and_cascades_to_nothing(trio, django_assert_num_queries):
    group, deleted = the_group(), []
    post_delete.connect(receiver := lambda instance, **_kwargs: deleted.append(instance), sender=GroupMember)
    try:
        with django_assert_num_queries(1):
            delete_quietly(GroupMember.objects.filter(group=group))
    finally:
        post_delete.disconnect(receiver, sender=GroupMember)
    assert (deleted, GroupMember.objects.count(), DuplicateGroup.objects.count()) == ([], 0, 1)


def test_removed_members_are_returned(trio, add_hashed):
    stranger = add_hashed(1)
    assert remove_members(the_group().pk, [trio[1].pk, stranger.pk], "default") == {trio[1].pk}
    assert set(the_group().members.values_list("asset", flat=True)) == {trio[0].pk, trio[2].pk}


def stored_names() -> tuple[list[str], list[str]]:
    """Return the copies of the names: of the members, and the sort keys of the keepers."""
    members = GroupMember.objects.order_by("asset").values_list("name", flat=True)
    return list(members), list(DuplicateGroup.objects.values_list("keeper_name", flat=True))


def test_groups_have_the_names_of_their_files(trio):
    assert stored_names() == ([row.image.name for row in trio], [trio[0].image.name])


def test_names_of_renamed_files_are_copied_again(trio):
    for row, name in zip(trio, ("a/New.jpg", "b/new.jpg", "c/new.jpg"), strict=True):
        ImageAsset.objects.filter(pk=row.pk).update(image=name, perceptual_hash=row.perceptual_hash)
    assert find_renamed("default") == {row.pk for row in trio}
    copy_names("default", [trio[0].pk])
    assert stored_names() == (["a/New.jpg", trio[1].image.name, trio[2].image.name], ["new.jpg"])
    find_duplicates()
    assert stored_names() == (["a/New.jpg", "b/new.jpg", "c/new.jpg"], ["new.jpg"])


def test_name_of_a_file_that_is_hashed_again_is_copied(trio):
    ImageAsset.objects.filter(pk=trio[1].pk).update(image="new.jpg", perceptual_hash=trio[1].perceptual_hash)
    update_groups([trio[1].pk], "default", rehashed=True)
    assert GroupMember.objects.get(asset=trio[1]).name == "new.jpg"
