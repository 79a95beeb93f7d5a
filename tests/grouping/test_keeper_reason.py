from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hashing.grouping.ranking import keeper_reason
from hashing.models import ImageAsset


def picture(width: int | None = 10, file_size: int | None = 100, year: int = 2026, pk: int = 1) -> ImageAsset:
    created_at = datetime(year, 1, 1, tzinfo=UTC)
    return ImageAsset(pk=pk, width=width, height=width and 10, file_size=file_size, created_at=created_at)


@pytest.mark.parametrize(
    ("keeper", "others", "reason"),
    [
        (picture(width=20), [picture(), picture(file_size=900, year=2020)], "most pixels"),
        (picture(file_size=200), [picture(), picture(width=5, file_size=900)], "most bytes"),
        (picture(year=2020), [picture(), picture(file_size=50, year=2010)], "oldest"),
        (picture(pk=1), [picture(pk=2)], "oldest"),
        (picture(width=5), [picture()], ""),
        (picture(file_size=50), [picture()], ""),
        (picture(year=2027), [picture()], ""),
        (picture(width=None, file_size=None, year=2020), [picture(width=None, file_size=None)], "oldest"),
        (picture(), [], ""),
    ],
)
def test_first_thing_in_which_the_keeper_goes_before_the_others(keeper, others, reason):
    assert keeper_reason(keeper, others) == reason
