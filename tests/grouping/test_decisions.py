from __future__ import annotations

from collections import Counter
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from hashing.grouping import decisions, group_rows
from hashing.grouping.decision_log import DecisionBatch, DecisionRefused
from hashing.grouping.decisions import decide_different, decide_related, decide_same, keep, undo
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from tests.grouping.conftest import marked, stored_groups, the_group, undo_last


def pairs() -> set[tuple[int, int]]:
    return set(PairDecision.objects.filter(superseded_by=None).values_list("lower", "higher"))


def test_same_marks_the_image_and_deletes_nothing(trio, somebody):
    keeper, one, other = trio
    decide_same(the_group(), [one.pk], somebody.pk)
    assert marked() == {one.pk}
    assert ImageAsset.objects.count() == 3
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk, other.pk}}
    assert the_group().open_count == 1
    decision = PairDecision.objects.get()
    assert (decision.lower_id, decision.higher_id, decision.decided_by) == (keeper.pk, one.pk, somebody)


def test_images_that_are_not_the_same_are_never_grouped_again(trio, somebody, group_all):
    keeper, one, other = trio
    decide_different(the_group(), [one.pk], somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, other.pk}}
    assert group_all() == {keeper.pk: {keeper.pk, other.pk}}
    assert marked() == set()


def test_images_that_belong_together_both_stay_and_are_never_grouped_again(trio, somebody, group_all):
    keeper, one, other = trio
    decide_related(the_group(), [one.pk], somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, other.pk}}
    assert group_all() == {keeper.pk: {keeper.pk, other.pk}}
    assert marked() == set()
    assert PairDecision.objects.get().verdict == PairDecision.Verdict.RELATED
    undo_last(somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk, other.pk}}


def test_several_that_belong_together_are_not_grouped_with_one_another_either(trio, somebody, group_all):
    keeper, one, other = trio
    decide_related(the_group(), [one.pk, other.pk], somebody.pk)
    assert pairs() == {(keeper.pk, one.pk), (keeper.pk, other.pk), (one.pk, other.pk)}
    assert group_all() == {}


def test_copies_stay_the_same_when_they_belong_together_with_another_image(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    decide_different(the_group(), [other.pk], somebody.pk)
    late = add_hashed(flips=3, width=50)
    group_all()
    decide_same(DuplicateGroup.objects.get(keeper=keeper), [one.pk], somebody.pk)
    better = add_hashed(width=300)
    group_all()
    decide_related(DuplicateGroup.objects.get(keeper=better), [keeper.pk, one.pk, late.pk], somebody.pk)
    assert marked() == {one.pk}
    assert PairDecision.objects.in_force().filter(verdict="related").count() == 5


def test_several_are_split_off_into_a_group_of_their_own(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    late = add_hashed(flips=3, width=50)
    group_all()
    decide_different(the_group(), [other.pk, late.pk], somebody.pk)
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk}, other.pk: {other.pk, late.pk}}


def test_several_are_marked_together_and_taken_back_together(trio, somebody):
    keeper, one, other = trio
    decide_same(the_group(), [one.pk, other.pk], somebody.pk)
    assert marked() == {one.pk, other.pk}
    assert set(undo_last(somebody.pk)) == {keeper.pk, one.pk, other.pk}
    assert marked() == set()


def test_images_that_are_duplicates_of_one_another_are_marked_together(chain, somebody):
    better, keeper, one = chain
    undo_last(somebody.pk)
    decide_same(DuplicateGroup.objects.get(keeper=better), [one.pk, keeper.pk], somebody.pk)
    parents = Counter(PairDecision.objects.in_force().filter(verdict="same").values_list("duplicate", flat=True))
    assert parents == {one.pk: 1, keeper.pk: 1}


def test_several_are_kept_and_the_others_are_duplicates_of_the_first(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    late = add_hashed(flips=3, width=50)
    group_all()
    keep(the_group(), [one.pk, other.pk], somebody.pk)
    assert marked() == {keeper.pk, late.pk}
    assert stored_groups() == {one.pk: {one.pk, keeper.pk, late.pk}}
    assert not DuplicateGroup.objects.open().exists()
    undo_last(somebody.pk)
    assert marked() == set()
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk, other.pk, late.pk}}


def test_image_that_was_marked_can_be_kept_together_with_its_keeper(trio, somebody):
    keeper, one, other = trio
    keep(the_group(), [keeper.pk], somebody.pk)
    keep(the_group(), [keeper.pk, other.pk], somebody.pk)
    assert marked() == {one.pk}
    assert stored_groups() == {keeper.pk: {keeper.pk, one.pk}}


def test_broken_image_cannot_be_kept_with_others(trio, somebody):
    ImageAsset.objects.filter(pk=trio[2].pk).update(hash_error="File not found")
    with pytest.raises(DecisionRefused, match="File not found"):
        keep(the_group(), [trio[0].pk, trio[2].pk], somebody.pk)
    assert not PairDecision.objects.exists()


def test_group_with_a_single_image_is_deleted(trio, somebody):
    _keeper, one, other = trio
    decide_different(the_group(), [one.pk], somebody.pk)
    decide_different(the_group(), [other.pk], somebody.pk)
    # The two that are left match each other.
    assert stored_groups() == {one.pk: {one.pk, other.pk}}
    decide_different(the_group(), [other.pk], somebody.pk)
    assert stored_groups() == {}


def test_keep_marks_all_others(trio, somebody, group_all):
    keeper, one, other = trio
    keep(the_group(), [one.pk], somebody.pk)
    assert marked() == {keeper.pk, other.pk}
    assert stored_groups() == {one.pk: {keeper.pk, one.pk, other.pk}}
    assert not DuplicateGroup.objects.open().exists()
    pk = the_group().pk
    assert group_all() == {one.pk: {keeper.pk, one.pk, other.pk}}
    assert the_group().pk == pk


def test_later_image_is_the_only_undecided_one(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    keep(the_group(), [keeper.pk], somebody.pk)
    late = add_hashed(flips=3)
    assert group_all() == {keeper.pk: {keeper.pk, one.pk, other.pk, late.pk}}
    assert list(the_group().members.filter(is_same=False).values_list("asset", flat=True)) == [late.pk]


def test_later_and_better_image_does_not_reopen_decided_pairs(trio, somebody, add_hashed, group_all):
    keeper, one, other = trio
    decide_different(the_group(), [one.pk], somebody.pk)
    decide_same(the_group(), [other.pk], somebody.pk)
    late = add_hashed(flips=3, width=300)
    groups = group_all()
    # The pictures that were told apart are not brought together by it.
    assert not any({keeper.pk, one.pk} <= members for members in groups.values())
    assert groups[late.pk] >= {late.pk, keeper.pk, other.pk}


@pytest.mark.parametrize("decide", [decide_same, decide_different, decide_related, keep])
def test_image_that_has_left_the_group_is_refused(trio, somebody, add_hashed, decide):
    with pytest.raises(DecisionRefused, match="no longer"):
        decide(the_group(), [add_hashed(1).pk], somebody.pk)
    group = the_group()
    group.delete()
    with pytest.raises(DecisionRefused, match="no longer"):
        decide(group, [trio[1].pk], somebody.pk)
    assert not PairDecision.objects.exists()


@pytest.mark.parametrize("decide", [decide_same, decide_different, decide_related])
def test_keeper_is_not_compared_with_itself(trio, somebody, decide):
    with pytest.raises(DecisionRefused, match="keeper"):
        decide(the_group(), [trio[0].pk], somebody.pk)


def test_decisions_outlive_the_groups(trio, somebody, group_all):
    keep(the_group(), [trio[0].pk], somebody.pk)
    DuplicateGroup.objects.all().delete()
    group_all()
    assert not DuplicateGroup.objects.open().exists()


def test_decision_that_contradicts_others_is_refused(chain, somebody):
    better, _keeper, one = chain
    said = pairs()
    with pytest.raises(DecisionRefused, match="other decisions"), transaction.atomic():
        decide_different(DuplicateGroup.objects.get(keeper=better), [one.pk], somebody.pk)
    assert pairs() == said


def test_undo_that_would_restore_a_contradiction_is_refused(trio, somebody):
    _keeper, one, other = trio
    second = User.objects.create_user("second")
    decide_same(the_group(), [one.pk], somebody.pk)
    decide_different(the_group(), [one.pk], second.pk)
    decide_different(the_group(), [other.pk], somebody.pk)
    decide_same(the_group(), [other.pk], somebody.pk)
    with pytest.raises(DecisionRefused, match="other decisions"), transaction.atomic():
        undo_last(second.pk)


def test_decision_about_an_image_deleted_in_the_meantime_is_refused(trio, somebody, monkeypatch):
    group, deleted = the_group(), trio[1]
    stock = decisions.find_keeper

    def find_keeper(*arguments) -> int:
        keeper = stock(*arguments)
        ImageAsset.objects.filter(pk=deleted.pk).delete()
        return keeper

    monkeypatch.setattr(decisions, "find_keeper", find_keeper)
    with pytest.raises(DecisionRefused, match="was deleted in the meantime"):
        decide_different(group, [deleted.pk], somebody.pk)
    assert not PairDecision.objects.exists()


def test_an_image_further_down_a_chain_can_be_marked_as_a_duplicate_of_the_keeper(add_hashed, somebody):
    bottom, middle, keeper = (add_hashed(flips=flips).pk for flips in range(3))
    for asset, other in ((bottom, middle), (middle, keeper), (bottom, keeper)):
        with group_rows.groups_locked("default"):
            DecisionBatch(uuid4(), somebody.pk, "default").mark([asset], other)
    parents = Counter(PairDecision.objects.in_force().values_list("duplicate", flat=True))
    assert parents == {bottom: 1, middle: 1}


def test_undo_is_refused_when_a_later_decision_rests_on_it(add_hashed, somebody):
    bottom, middle, keeper = (add_hashed(flips=flips).pk for flips in range(3))
    batches = [uuid4() for _ in range(3)]
    for batch, (asset, other) in zip(batches, ((bottom, middle), (middle, keeper), (bottom, keeper)), strict=True):
        with group_rows.groups_locked("default"):
            DecisionBatch(batch, somebody.pk, "default").mark([asset], other)
    with pytest.raises(DecisionRefused):
        undo(batches[1], somebody.pk)
