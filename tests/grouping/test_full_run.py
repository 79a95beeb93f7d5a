from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync

from hashing.grouping import afind_duplicates, find_duplicates
from hashing.grouping.decisions import decide_different, decide_same, keep
from hashing.grouping.full_run import run_grouping
from hashing.grouping.options import GroupingOptions
from hashing.models import DuplicateGroup, PairDecision
from tests.db.faults import cut_connection, only_postgresql
from tests.grouping.conftest import stored_groups, undo_last


def test_groups_are_stored_and_reported(add_hashed):
    keeper, copy = add_hashed(width=200), add_hashed(flips=2)
    report = find_duplicates(max_distance=40)
    assert [(group.keeper, [each.key for each in group.members]) for group in report.groups] == [(keeper.pk, [copy.pk])]
    assert stored_groups() == {keeper.pk: {keeper.pk, copy.pk}}
    assert find_duplicates(max_distance=39).groups == []
    assert stored_groups() == {}


@pytest.mark.django_db(transaction=True)
def test_afind_duplicates_gives_the_same_groups(add_hashed):
    keeper, copy = add_hashed(width=200), add_hashed()
    assert async_to_sync(afind_duplicates)(dry_run=True).images == 2
    assert stored_groups() == {}
    async_to_sync(afind_duplicates)()
    assert stored_groups() == {keeper.pk: {keeper.pk, copy.pk}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("phase", ["Comparing", "Storing"])
def test_decisions_during_the_run_are_applied(add_hashed, somebody, phase):
    keeper, one, other = add_hashed(width=200), add_hashed(), add_hashed()
    find_duplicates()
    add_hashed(1), add_hashed(1)

    def decide(now: str, _per_cent: int) -> None:
        if now == phase and not PairDecision.objects.exists():
            decide_different(DuplicateGroup.objects.get(keeper=keeper), [one.pk], somebody.pk)
            decide_same(DuplicateGroup.objects.get(keeper=keeper), [other.pk], somebody.pk)

    run_grouping(GroupingOptions(), progress=decide)
    assert stored_groups()[keeper.pk] == {keeper.pk, other.pk}
    assert DuplicateGroup.objects.get(keeper=keeper).open_count == 0


@pytest.mark.django_db(transaction=True)
def test_decisions_taken_back_during_the_run_are_undecided_again(add_hashed, somebody):
    keeper, _copy = add_hashed(width=200), add_hashed()
    find_duplicates()
    keep(DuplicateGroup.objects.get(), [keeper.pk], somebody.pk)
    run_grouping(GroupingOptions(), progress=lambda _phase, _per_cent: undo_last(somebody.pk))
    assert (stored_groups().keys(), DuplicateGroup.objects.get().open_count) == ({keeper.pk}, 1)


def test_invalid_options_are_refused(db):
    with pytest.raises(ValueError, match="between 0 and 384"):
        find_duplicates(max_distance=385)
    with pytest.raises(TypeError):
        find_duplicates(distance=3)


@only_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("phase", ["Reading", "Comparing", "Storing"])
def test_connection_lost_during_a_phase_loses_no_group(add_hashed, phase):
    for _ in range(2):
        add_hashed(0)
        add_hashed(1)
    cut: list[str] = []

    def progress(now: str, _per_cent: int) -> None:
        if now == phase and not cut:
            cut.append(phase)
            cut_connection()

    report = run_grouping(GroupingOptions(), progress=progress)
    assert cut
    assert report.changes.added == DuplicateGroup.objects.count() == 2
