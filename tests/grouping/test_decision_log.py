from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from hashing.admin.review.history import find_last_decision
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused, about_images, decided_since, describe
from hashing.grouping.decisions import decide_different, decide_same, delete_decisions, keep, undo
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from tests.grouping.conftest import marked, stored_groups, the_group, undo_last


def pairs() -> set[tuple[int, int]]:
    return set(PairDecision.objects.filter(superseded_by=None).values_list("lower", "higher"))


def test_deleted_user_is_described_as_somebody(trio, somebody):
    keeper, one, _other = trio
    decide_same(the_group(), [one.pk], somebody.pk)
    User.objects.filter(pk=somebody.pk).delete()
    decision = decided_since(0, about_images({keeper.pk, one.pk}), "default").get()
    assert describe(decision, user_pk=0)["who"] == "Somebody"
    assert marked() == {one.pk}


def test_marks_move_to_another_keeper(trio, somebody):
    keeper, one, other = trio
    keep(the_group(), [keeper.pk], somebody.pk)
    assert marked() == {one.pk, other.pk}
    keep(the_group(), [other.pk], somebody.pk)
    assert marked() == {keeper.pk, one.pk}


def test_duplicate_of_never_forms_a_circle(trio, somebody):
    for asset in [*trio, *reversed(trio)]:
        keep(the_group(), [asset.pk], somebody.pk)
        assert len(marked()) == 2
        assert asset.pk not in marked()


def test_exactly_one_image_of_a_must_link_set_is_not_marked(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    decide_same(the_group(), [one.pk], somebody.pk)
    better = add_hashed(flips=3, width=300)
    group_all()
    # One counts as one with the keeper, which is a duplicate of nothing yet.
    decide_same(the_group(), [one.pk], somebody.pk)
    assert marked() == {keeper.pk, one.pk}
    assert set(the_group().members.filter(is_same=True).values_list("asset", flat=True)) == {
        better.pk,
        keeper.pk,
        one.pk,
    }
    keep(the_group(), [other.pk], somebody.pk)
    assert marked() == {keeper.pk, one.pk, better.pk}
    assert PairDecision.objects.in_force().filter(duplicate__isnull=False).count() == 3
    undo_last(somebody.pk)
    assert marked() == {keeper.pk, one.pk}


def test_former_keeper_is_undecided_when_its_mark_is_deleted(trio, somebody):
    keeper, one, other = trio
    keep(the_group(), [keeper.pk], somebody.pk)
    keep(the_group(), [other.pk], somebody.pk)
    delete_decisions({(keeper.pk, other.pk)}, "default")
    # One is a duplicate of the other alone now.
    assert marked() == {one.pk}
    assert set(the_group().members.filter(is_same=False).values_list("asset", flat=True)) == {one.pk, other.pk}


def test_undo_restores_the_groups(trio, somebody):
    before = stored_groups()
    for decide in (decide_same, decide_different, keep):
        decide(the_group(), [trio[1].pk], somebody.pk)
        keys = undo_last(somebody.pk)
        assert trio[1].pk in keys
        assert stored_groups() == before
        assert marked() == set()
        assert not PairDecision.objects.exists()


def test_undo_goes_back_step_by_step(trio, somebody):
    keeper, one, other = trio
    decide_different(the_group(), [one.pk], somebody.pk)
    keep(the_group(), [other.pk], somebody.pk)
    undo_last(somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, other.pk}}
    undo_last(somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk, other.pk}}
    assert undo_last(somebody.pk) == []


def test_undo_restores_the_superseded_decision(trio, somebody):
    keeper, one, other = trio
    keep(the_group(), [keeper.pk], somebody.pk)
    keep(the_group(), [one.pk], somebody.pk)
    undo_last(somebody.pk)
    assert marked() == {one.pk, other.pk}


def test_undo_ignores_decisions_of_other_users(trio, somebody):
    decide_same(the_group(), [trio[1].pk], somebody.pk)
    assert undo_last(User.objects.create_user("else").pk) == []
    assert marked() == {trio[1].pk}


def test_undo_is_refused_after_a_later_decision_on_the_pair(trio, somebody):
    decide_same(the_group(), [trio[1].pk], somebody.pk)
    keep(the_group(), [trio[1].pk], User.objects.create_user("else").pk)
    with pytest.raises(DecisionRefused, match="else decided about these images again on"):
        undo_last(somebody.pk)


def test_decision_ends_when_the_file_is_replaced(trio, somebody):
    keep(the_group(), [trio[0].pk], somebody.pk)
    ImageAsset.objects.filter(pk=trio[1].pk).update(image="another.jpg")
    assert marked() == {trio[2].pk}


def test_deleting_a_decision_does_not_restore_superseded_ones(trio, somebody):
    keeper, one, other = trio
    decide_same(the_group(), [one.pk], somebody.pk)
    keep(the_group(), [keeper.pk], User.objects.create_user("nobody").pk)
    delete_decisions({(keeper.pk, one.pk)}, "default")
    assert marked() == {other.pk}
    decide_different(the_group(), [one.pk], somebody.pk)
    undo_last(User.objects.get(username="nobody").pk)
    assert (marked(), pairs()) == (set(), {(keeper.pk, one.pk)})
    assert undo_last(somebody.pk) == [keeper.pk, one.pk]
    assert undo_last(somebody.pk) == []


@pytest.mark.parametrize("number", [0, 1], ids=["lower key", "higher key"])
def test_mark_ends_when_either_file_is_replaced(trio, somebody, number):
    decide_same(the_group(), [trio[1].pk], somebody.pk)
    ImageAsset.objects.filter(pk=trio[number].pk).update(image="another.jpg")
    assert marked() == set()
    assert not PairDecision.objects.in_force().exists()


def test_duplicate_of_chain_is_reversed_up_to_its_end(chain, somebody):
    better, keeper, one = chain
    # One is a duplicate of the keeper, which is one of the better picture.
    assert marked() == {keeper.pk, one.pk}
    keep(DuplicateGroup.objects.get(keeper=better), [one.pk], somebody.pk)
    assert marked() == {better.pk, keeper.pk}
    in_force = PairDecision.objects.in_force().filter(verdict="same")
    assert in_force.filter(duplicate=one.pk).count() == 0
    assert sorted(in_force.values_list("duplicate", flat=True)) == sorted([better.pk, keeper.pk])


def last_decision_of(user: User) -> UUID:
    request = HttpRequest()
    request.user = user
    return find_last_decision(ImageAccess(request, site)).batch


def test_last_decision_is_the_one_with_the_highest_key(trio, somebody):
    decide_same(the_group(), [trio[1].pk], somebody.pk)
    decide_same(the_group(), [trio[2].pk], somebody.pk)
    PairDecision.objects.update(decided_at=timezone.now())
    assert last_decision_of(somebody) == PairDecision.objects.get(duplicate=trio[2].pk).batch
    # Nor does the clock of another machine decide.
    PairDecision.objects.filter(duplicate=trio[2].pk).update(decided_at=timezone.now() - timedelta(hours=1))
    assert last_decision_of(somebody) == PairDecision.objects.get(duplicate=trio[2].pk).batch


def test_undo_with_the_key_of_another_user_is_refused(trio, somebody):
    batch = decide_same(the_group(), [trio[1].pk], somebody.pk)
    with pytest.raises(DecisionRefused, match="already"):
        undo(batch, User.objects.create_user("else").pk)
    assert marked() == {trio[1].pk}


def test_refused_undo_names_who_decided_later_and_when(trio, somebody):
    batch = decide_same(the_group(), [trio[1].pk], somebody.pk)
    keep(the_group(), [trio[1].pk], User.objects.create_user("ada").pk)
    when = date_format(localtime(PairDecision.objects.latest("pk").decided_at), "SHORT_DATETIME_FORMAT")
    with pytest.raises(DecisionRefused, match=re.escape(f"ada decided about these images again on {when}")):
        undo(batch, somebody.pk)
