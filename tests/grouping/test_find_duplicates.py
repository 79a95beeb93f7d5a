from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync

from hashing.grouping import afind_duplicates, find_duplicates
from tests.grouping.conftest import stored_groups


def test_groups_are_stored_and_reported(add_hashed):
    keeper, copy = add_hashed(width=200), add_hashed(flips=2)
    report = find_duplicates(max_distance=2)
    assert [(group.keeper, [each.key for each in group.members]) for group in report.groups] == [(keeper.pk, [copy.pk])]
    assert stored_groups() == {keeper.pk: {keeper.pk, copy.pk}}
    assert find_duplicates(max_distance=1).groups == []
    assert stored_groups() == {}


@pytest.mark.django_db(transaction=True)
def test_async_twin_does_the_same(add_hashed):
    keeper, copy = add_hashed(width=200), add_hashed()
    assert async_to_sync(afind_duplicates)(dry_run=True).pictures == 2
    assert stored_groups() == {}
    async_to_sync(afind_duplicates)()
    assert stored_groups() == {keeper.pk: {keeper.pk, copy.pk}}


def test_options_that_make_no_sense_are_refused(db):
    with pytest.raises(ValueError, match="between 0 and 64"):
        find_duplicates(max_distance=99)
    with pytest.raises(TypeError):
        find_duplicates(distance=3)
