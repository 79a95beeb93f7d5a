from __future__ import annotations

import pytest

from hashing.grouping.options import GroupingOptions
from hashing.models import GroupingRun


def test_default_distance_is_the_settings(settings):
    settings.HASHING = {"MAX_DISTANCE": 3}
    assert GroupingOptions() == GroupingOptions(max_distance=3)
    assert GroupingOptions().confirm_limit == 3


@pytest.mark.parametrize("distances", [{"max_distance": 65}, {"confirm_distance": -1}, {"max_distance": -1}])
def test_distance_that_cannot_be_is_refused(distances):
    with pytest.raises(ValueError, match="between 0 and 64"):
        GroupingOptions(**distances)


def test_options_of_the_last_run_are_remembered(db):
    assert GroupingOptions.of_last_run("default") == GroupingOptions()
    for options in (GroupingOptions(7), GroupingOptions(2, 4, any_orientation=True, exact_bytes=True)):
        options.remember("default")
        assert GroupingOptions.of_last_run("default") == options
    assert GroupingRun.objects.count() == 1


def test_search_finds_all_that_may_be_grouped():
    assert GroupingOptions(7, 3, any_orientation=True).for_search() == {
        "max_distance": 7,
        "confirm_distance": 3,
        "any_orientation": True,
    }
    assert GroupingOptions(exact_bytes=True).for_search() == {"max_distance": 0, "include_low_quality": True}
