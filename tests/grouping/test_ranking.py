from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.grouping.ranking import RankedRow, best_first, keeper_reason, order_by_ranking
from hashing.models import ImageAsset

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = st.none() | st.integers(1, 3)
MOMENTS = st.builds(lambda days: NEW_YEAR + timedelta(days), st.integers(0, 2))
ROWS = st.lists(
    st.builds(RankedRow, st.integers(0, 50), SMALL, SMALL, SMALL, MOMENTS, st.sampled_from(["", "broken"])),
    unique_by=lambda row: row.pk,
)


@given(ROWS, st.sets(st.integers(0, 50)))
def test_pixels_come_before_bytes_before_age_and_marked_and_broken_ones_last(rows, marked):
    by_key = {row.pk: row for row in rows}
    keys = best_first(rows, marked)
    assert sorted(keys) == sorted(by_key)
    for better, worse in pairwise(keys):
        one, other = by_key[better], by_key[worse]
        assert (bool(one.hash_error), better in marked, -pixels(one), -(one.file_size or 0), one.created_at, better) < (
            bool(other.hash_error),
            worse in marked,
            -pixels(other),
            -(other.file_size or 0),
            other.created_at,
            worse,
        )


def pixels(row: RankedRow) -> int:
    return (row.width or 0) * (row.height or 0)


@pytest.mark.django_db
def test_sql_and_python_give_the_same_order(add_hashed):
    sizes = [(None, 9, 9), (9, None, 9), (2, 2, 1), (1, 4, 2), (4, 1, None), (4, 1, None), (3, 3, None)]
    for width, height, file_size in sizes:
        add_hashed(width=width, height=height, file_size=file_size)
        add_hashed(width=width, height=height, file_size=file_size, hash_error="broken", created_at=NEW_YEAR)
    ImageAsset.objects.filter(width=4).update(created_at=NEW_YEAR)
    rows = ImageAsset.objects.all()
    assert list(order_by_ranking(rows).values_list("pk", flat=True)) == best_first(rows, set())


def image(width: int | None = 10, file_size: int | None = 100, year: int = 2026, pk: int = 1) -> RankedRow:
    return RankedRow(pk, width, width and 10, file_size, datetime(year, 1, 1, tzinfo=UTC), "")


@pytest.mark.parametrize(
    ("keeper", "others", "reason"),
    [
        (image(width=20), [image(), image(file_size=900, year=2020)], "most pixels"),
        (image(file_size=200), [image(), image(width=5, file_size=900)], "most bytes"),
        (image(year=2020), [image(), image(file_size=50, year=2010)], "oldest"),
        (image(pk=1), [image(pk=2)], "oldest"),
        (image(width=5), [image()], ""),
        (image(file_size=50), [image()], ""),
        (image(year=2027), [image()], ""),
        (image(width=None, file_size=None, year=2020), [image(width=None, file_size=None)], "oldest"),
        (image(), [], ""),
    ],
)
def test_the_reason_is_the_first_criterion_by_which_the_keeper_is_better_than_all_others(keeper, others, reason):
    assert keeper_reason(keeper, others) == reason
