from __future__ import annotations

from django.db.models.signals import post_delete

from hashing.grouping.group_rows import delete_quietly, remove_members
from hashing.models import DuplicateGroup, GroupMember
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
