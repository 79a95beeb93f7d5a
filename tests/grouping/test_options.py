from __future__ import annotations

import pytest
from django.db import connection

from hashing.grouping.options import RUN_PK, GroupingOptions
from hashing.models import GroupingRun


def test_default_distance_comes_from_the_settings(settings):
    settings.HASHING = {"MAX_DISTANCE": 3}
    assert GroupingOptions() == GroupingOptions(max_distance=3)


@pytest.mark.parametrize("distance", [385, -1])
def test_distance_out_of_range_is_refused(distance):
    with pytest.raises(ValueError, match="between 0 and 384"):
        GroupingOptions(distance)


def test_options_of_the_last_run_are_remembered(db):
    assert GroupingOptions.of_last_run("default") == GroupingOptions()
    for options in (GroupingOptions(7), GroupingOptions(2, any_orientation=True, exact_bytes=True)):
        options.remember("default")
        assert GroupingOptions.of_last_run("default") == options
    assert GroupingRun.objects.count() == 1


def test_runs_that_end_at_once_store_one_row(db):
    """Let another run insert the row just before this one does."""
    inserted: list[GroupingRun] = []

    def insert_before(execute, sql, params, many, context):
        if sql.startswith("INSERT") and not inserted:
            inserted.append(GroupingRun(pk=RUN_PK, max_distance=1))
            GroupingRun.objects.bulk_create(inserted)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(insert_before):
        GroupingOptions(7).remember("default")
    assert GroupingRun.objects.get().max_distance == 7
