from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from hashing.admin.review.services import last_decision
from hashing.grouping import decisions
from hashing.grouping.decision_log import DecisionRefused, about_images, decided_since, describe
from hashing.grouping.decisions import decide_different, decide_same, delete_decisions, keep, undo
from hashing.grouping.deletion import find_keepers, reasons_to_stay
from hashing.grouping.incremental import update_groups
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision
from tests.grouping.conftest import stored_groups, undo_last
from tests.grouping.test_constraints import decide as record


@pytest.fixture
def trio(add_hashed, group_all):
    """A keeper and two copies, in one group."""
    rows = [add_hashed(width=200), add_hashed(flips=1), add_hashed(flips=2)]
    group_all()
    return rows


def the_group() -> DuplicateGroup:
    return DuplicateGroup.objects.get()


def without_keeper(keys: set[int]) -> set[int]:
    """Those of the marked duplicates that must not be deleted."""
    return reasons_to_stay(keys, "default", find_keepers(keys, "default")).keys()


def marked() -> set[int]:
    return set(MarkedDuplicate.objects.values_list("pk", flat=True))


def test_same_marks_the_picture_and_deletes_nothing(trio, somebody):
    keeper, one, other = trio
    decide_same(the_group(), one.pk, somebody.pk)
    assert marked() == {one.pk}
    assert ImageAsset.objects.count() == 3
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk, other.pk}}
    assert the_group().open_count == 1
    decision = PairDecision.objects.get()
    assert (decision.lower_id, decision.higher_id, decision.decided_by) == (keeper.pk, one.pk, somebody)


def test_a_user_who_is_gone_is_somebody(trio, somebody):
    keeper, one, _other = trio
    decide_same(the_group(), one.pk, somebody.pk)
    User.objects.filter(pk=somebody.pk).delete()
    decision = decided_since(0, about_images(keeper.pk, one.pk), "default")
    assert describe(decision, user_pk=0)["who"] == "Somebody"
    assert marked() == {one.pk}


def test_not_the_same_never_comes_back(trio, somebody, group_all):
    keeper, one, other = trio
    decide_different(the_group(), one.pk, somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, other.pk}}
    assert group_all() == {keeper.pk: {keeper.pk, other.pk}}
    assert marked() == set()


def test_group_of_one_is_no_group(trio, somebody):
    _keeper, one, other = trio
    decide_different(the_group(), one.pk, somebody.pk)
    decide_different(the_group(), other.pk, somebody.pk)
    # The two that are left match each other.
    assert stored_groups() == {one.pk: {one.pk, other.pk}}
    decide_different(the_group(), other.pk, somebody.pk)
    assert stored_groups() == {}


def test_keep_marks_all_others(trio, somebody, group_all):
    keeper, one, other = trio
    keep(the_group(), one.pk, somebody.pk)
    assert marked() == {keeper.pk, other.pk}
    assert stored_groups() == {one.pk: {keeper.pk, one.pk, other.pk}}
    assert not DuplicateGroup.objects.open().exists()
    pk = the_group().pk
    assert group_all() == {one.pk: {keeper.pk, one.pk, other.pk}}
    assert the_group().pk == pk


def test_another_keeper_takes_the_marks_over(trio, somebody):
    keeper, one, other = trio
    keep(the_group(), keeper.pk, somebody.pk)
    assert marked() == {one.pk, other.pk}
    keep(the_group(), other.pk, somebody.pk)
    assert marked() == {keeper.pk, one.pk}


def test_marks_never_lead_in_a_circle(trio, somebody):
    for asset in [*trio, *reversed(trio)]:
        keep(the_group(), asset.pk, somebody.pk)
        assert len(marked()) == 2
        assert asset.pk not in marked()


def test_of_pictures_that_are_the_same_one_is_never_marked(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    decide_same(the_group(), one.pk, somebody.pk)
    better = add_hashed(flips=3, width=300)
    group_all()
    # One counts as one with the keeper, which is a duplicate of nothing yet.
    decide_same(the_group(), one.pk, somebody.pk)
    assert marked() == {keeper.pk, one.pk}
    assert set(the_group().members.filter(is_same=True).values_list("asset", flat=True)) == {
        better.pk,
        keeper.pk,
        one.pk,
    }
    keep(the_group(), other.pk, somebody.pk)
    assert marked() == {keeper.pk, one.pk, better.pk}
    assert PairDecision.objects.in_force().filter(duplicate__isnull=False).count() == 3
    undo_last(somebody.pk)
    assert marked() == {keeper.pk, one.pk}


def test_keeper_whose_mark_is_taken_back_is_a_question_of_its_own(trio, somebody):
    keeper, one, other = trio
    keep(the_group(), keeper.pk, somebody.pk)
    keep(the_group(), other.pk, somebody.pk)
    delete_decisions({(keeper.pk, other.pk)}, "default")
    # One is a duplicate of the other alone now.
    assert marked() == {one.pk}
    assert set(the_group().members.filter(is_same=False).values_list("asset", flat=True)) == {one.pk, other.pk}


def test_later_picture_brings_up_only_itself(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    keep(the_group(), keeper.pk, somebody.pk)
    late = add_hashed(flips=3)
    assert group_all() == {keeper.pk: {keeper.pk, one.pk, other.pk, late.pk}}
    assert list(the_group().members.filter(is_same=False).values_list("asset", flat=True)) == [late.pk]


def test_later_and_better_picture_does_not_ask_about_decided_pairs(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    decide_different(the_group(), one.pk, somebody.pk)
    decide_same(the_group(), other.pk, somebody.pk)
    late = add_hashed(flips=3, width=300)
    groups = group_all()
    # The pictures that were told apart are not brought together by it.
    assert not any({keeper.pk, one.pk} <= members for members in groups.values())
    assert groups[late.pk] >= {late.pk, keeper.pk, other.pk}


def test_undo_restores_what_was(trio, somebody):
    before = stored_groups()
    for decide in (decide_same, decide_different, keep):
        decide(the_group(), trio[1].pk, somebody.pk)
        keys = undo_last(somebody.pk)
        assert trio[1].pk in keys
        assert stored_groups() == before
        assert marked() == set()
        assert not PairDecision.objects.exists()


def test_undo_goes_back_step_by_step(trio, somebody):
    keeper, one, other = trio
    decide_different(the_group(), one.pk, somebody.pk)
    keep(the_group(), other.pk, somebody.pk)
    undo_last(somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, other.pk}}
    undo_last(somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk, other.pk}}
    assert undo_last(somebody.pk) == []


def test_undo_brings_the_former_decision_back(trio, somebody):
    keeper, one, other = trio
    keep(the_group(), keeper.pk, somebody.pk)
    keep(the_group(), one.pk, somebody.pk)
    undo_last(somebody.pk)
    assert marked() == {one.pk, other.pk}


def test_undo_is_about_ones_own_decisions(trio, somebody):
    decide_same(the_group(), trio[1].pk, somebody.pk)
    assert undo_last(User.objects.create_user("else").pk) == []
    assert marked() == {trio[1].pk}


def test_undo_is_refused_when_somebody_has_decided_again(trio, somebody):
    decide_same(the_group(), trio[1].pk, somebody.pk)
    keep(the_group(), trio[1].pk, User.objects.create_user("else").pk)
    with pytest.raises(DecisionRefused, match="else decided about these images again on"):
        undo_last(somebody.pk)


@pytest.mark.parametrize("decide", [decide_same, decide_different, keep])
def test_picture_that_is_no_longer_in_the_group_is_refused(trio, somebody, add_hashed, decide):
    with pytest.raises(DecisionRefused, match="no longer"):
        decide(the_group(), add_hashed(1).pk, somebody.pk)
    group = the_group()
    group.delete()
    with pytest.raises(DecisionRefused, match="no longer"):
        decide(group, trio[1].pk, somebody.pk)
    assert not PairDecision.objects.exists()


@pytest.mark.parametrize("decide", [decide_same, decide_different])
def test_keeper_is_not_compared_with_itself(trio, somebody, decide):
    with pytest.raises(DecisionRefused, match="keeper"):
        decide(the_group(), trio[0].pk, somebody.pk)


def test_decision_does_not_count_for_another_file(trio, somebody):
    keep(the_group(), trio[0].pk, somebody.pk)
    ImageAsset.objects.filter(pk=trio[1].pk).update(image="another.jpg")
    assert marked() == {trio[2].pk}


def test_decisions_outlive_the_groups(trio, somebody, group_all):
    keep(the_group(), trio[0].pk, somebody.pk)
    DuplicateGroup.objects.all().delete()
    group_all()
    assert not DuplicateGroup.objects.open().exists()


def pairs() -> set[tuple[int, int]]:
    return set(PairDecision.objects.filter(superseded_by=None).values_list("lower", "higher"))


def test_forgotten_decision_brings_no_former_one_back(trio, somebody):
    keeper, one, other = trio
    decide_same(the_group(), one.pk, somebody.pk)
    keep(the_group(), keeper.pk, User.objects.create_user("nobody").pk)
    delete_decisions({(keeper.pk, one.pk)}, "default")
    assert marked() == {other.pk}
    decide_different(the_group(), one.pk, somebody.pk)
    undo_last(User.objects.get(username="nobody").pk)
    assert (marked(), pairs()) == (set(), {(keeper.pk, one.pk)})
    assert undo_last(somebody.pk) == [keeper.pk, one.pk]
    assert undo_last(somebody.pk) == []


def test_large_group_follows_forgotten_decisions(trio, somebody, monkeypatch):
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", 3)
    keep(the_group(), trio[0].pk, somebody.pk)
    delete_decisions(pairs(), "default")
    assert (the_group().size, the_group().open_count) == (3, 2)


@pytest.fixture
def chain(trio, somebody, add_hashed, group_all):
    """A better picture, what somebody has called the same as it, and what is the same as that."""
    keeper, one, other = trio
    decide_different(the_group(), other.pk, somebody.pk)
    decide_same(the_group(), one.pk, somebody.pk)
    better = add_hashed(width=300)
    group_all()
    decide_same(DuplicateGroup.objects.get(keeper=better), keeper.pk, somebody.pk)
    return better, keeper, one


def test_contradiction_to_other_decisions_is_refused(chain, somebody):
    better, _keeper, one = chain
    said = pairs()
    with pytest.raises(DecisionRefused, match="other decisions"), transaction.atomic():
        decide_different(DuplicateGroup.objects.get(keeper=better), one.pk, somebody.pk)
    assert pairs() == said


def test_undo_that_brings_a_contradiction_is_refused(trio, somebody):
    _keeper, one, other = trio
    second = User.objects.create_user("second")
    decide_same(the_group(), one.pk, somebody.pk)
    decide_different(the_group(), one.pk, second.pk)
    decide_different(the_group(), other.pk, somebody.pk)
    decide_same(the_group(), other.pk, somebody.pk)
    with pytest.raises(DecisionRefused, match="other decisions"), transaction.atomic():
        undo_last(second.pk)


def test_nothing_is_kept_of_a_picture_by_one_that_is_not_the_same(chain, media):
    better, keeper, one = chain
    for row in chain:
        (media / row.image.name).write_bytes(bytes(row.file_size))
    assert without_keeper({keeper.pk, one.pk}) == set()
    lower, higher = sorted((better.pk, one.pk))
    names = {better.pk: better.image.name, one.pk: one.image.name}
    files = {"lower_file": names[lower], "higher_file": names[higher]}
    PairDecision.objects.create(lower_id=lower, higher_id=higher, verdict="different", batch=uuid4(), **files)
    assert without_keeper({keeper.pk, one.pk}) == {one.pk}


@pytest.mark.parametrize("number", [0, 1], ids=["lower key", "higher key"])
def test_mark_ends_when_either_of_the_two_gets_another_file(trio, somebody, number):
    decide_same(the_group(), trio[1].pk, somebody.pk)
    ImageAsset.objects.filter(pk=trio[number].pk).update(image="another.jpg")
    assert marked() == set()
    assert not PairDecision.objects.in_force().exists()


def test_chain_of_marks_is_turned_up_to_its_end(chain, somebody):
    better, keeper, one = chain
    # One is a duplicate of the keeper, which is one of the better picture.
    assert marked() == {keeper.pk, one.pk}
    keep(DuplicateGroup.objects.get(keeper=better), one.pk, somebody.pk)
    assert marked() == {better.pk, keeper.pk}
    in_force = PairDecision.objects.in_force().filter(verdict="same")
    assert in_force.filter(duplicate=one.pk).count() == 0
    assert sorted(in_force.values_list("duplicate", flat=True)) == sorted([better.pk, keeper.pk])


def test_of_two_decisions_in_one_moment_the_later_one_is_the_last(trio, somebody):
    decide_same(the_group(), trio[1].pk, somebody.pk)
    decide_same(the_group(), trio[2].pk, somebody.pk)
    PairDecision.objects.update(decided_at=timezone.now())
    assert last_decision(somebody.pk).batch == PairDecision.objects.get(duplicate=trio[2].pk).batch
    # Nor does the clock of another machine decide.
    PairDecision.objects.filter(duplicate=trio[2].pk).update(decided_at=timezone.now() - timedelta(hours=1))
    assert last_decision(somebody.pk).batch == PairDecision.objects.get(duplicate=trio[2].pk).batch


def test_undo_of_another_person_takes_nothing_back(trio, somebody):
    batch = decide_same(the_group(), trio[1].pk, somebody.pk)
    with pytest.raises(DecisionRefused, match="already"):
        undo(batch, User.objects.create_user("else").pk)
    assert marked() == {trio[1].pk}


def test_undo_names_who_has_decided_again_and_when(trio, somebody):
    batch = decide_same(the_group(), trio[1].pk, somebody.pk)
    keep(the_group(), trio[1].pk, User.objects.create_user("ada").pk)
    when = date_format(localtime(PairDecision.objects.latest("pk").decided_at), "SHORT_DATETIME_FORMAT")
    with pytest.raises(DecisionRefused, match=re.escape(f"ada decided about these images again on {when}")):
        undo(batch, somebody.pk)


@pytest.mark.parametrize("size", [2, 1000], ids=["large group", "small group"])
def test_not_the_same_is_asked_of_all_that_count_as_one_with_the_keeper(trio, group_all, monkeypatch, size):
    keeper, one, other = trio
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", size)
    record(keeper, one, "same")
    record(one, other, "different")
    update_groups([the_group().keeper_id], "default")
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk}}
    assert group_all() == {keeper.pk: {keeper.pk, one.pk}}
    update_groups([other.pk], "default", rehashed=True)
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk}}


@pytest.mark.parametrize("size", [2, 1000], ids=["large group", "small group"])
def test_not_the_same_as_the_keeper_is_asked_of_all_that_count_as_one(trio, group_all, monkeypatch, size):
    keeper, one, other = trio
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", size)
    record(one, other, "same")
    record(keeper, one, "different")
    update_groups([the_group().keeper_id], "default")
    assert stored_groups() == {one.pk: {one.pk, other.pk}}
    assert group_all() == {one.pk: {one.pk, other.pk}}


def test_picture_that_is_deleted_meanwhile_is_not_decided_about(trio, somebody, monkeypatch):
    group, deleted = the_group(), trio[1]
    stock = decisions.find_keeper

    def find_keeper(*arguments) -> int:
        keeper = stock(*arguments)
        ImageAsset.objects.filter(pk=deleted.pk).delete()
        return keeper

    monkeypatch.setattr(decisions, "find_keeper", find_keeper)
    with pytest.raises(DecisionRefused, match="was deleted in the meantime"):
        decide_different(group, deleted.pk, somebody.pk)
    assert not PairDecision.objects.exists()
