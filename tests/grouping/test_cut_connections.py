from __future__ import annotations

import pytest

from hashing.grouping.full_run import run_grouping
from hashing.grouping.options import GroupingOptions
from hashing.models import DuplicateGroup
from tests.db.faults import cut_connection, only_postgresql

pytestmark = [only_postgresql, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("phase", ["Reading", "Comparing", "Storing"])
def test_connection_that_is_cut_during_a_phase_costs_no_group(add_hashed, phase):
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
