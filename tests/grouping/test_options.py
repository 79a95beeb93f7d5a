from __future__ import annotations

import pytest

from hashing.grouping.options import GroupingOptions
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
