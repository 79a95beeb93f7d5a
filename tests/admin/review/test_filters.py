from __future__ import annotations

import pytest

from hashing.models import DuplicateGroup
from tests.admin.review.conftest import review_address

SIZES = (2, 3, 5, 6, 20, 21)
DISTANCES = (0, 12, 13, 40, 41, 90)


def found(client, **query) -> list[DuplicateGroup]:
    return list(client.get(review_address("changelist"), query).context["cl"].queryset)


@pytest.fixture
def groups(add_group):
    """One for each of SIZES and DISTANCES, the last of them decided."""
    made = [add_group(size=2) for _number in SIZES]
    for group, size, distance in zip(made, SIZES, DISTANCES, strict=True):
        DuplicateGroup.objects.filter(pk=group.pk).update(size=size, max_distance=distance)
    DuplicateGroup.objects.filter(pk=made[-1].pk).update(open_count=0)


@pytest.mark.parametrize(
    ("query", "sizes"),
    [
        ({}, [2, 3, 5, 6, 20]),
        ({"state": "open"}, [2, 3, 5, 6, 20]),
        ({"state": "decided"}, [21]),
        ({"state": "all"}, [2, 3, 5, 6, 20, 21]),
        ({"images": "2"}, [2]),
        ({"images": "3-5"}, [3, 5]),
        ({"images": "6-20"}, [6, 20]),
        ({"images": "21", "state": "all"}, [21]),
        ({"images": "nonsense"}, [2, 3, 5, 6, 20]),
    ],
)
def test_filters_by_state_and_size(reviewer, groups, query, sizes):
    assert [group.size for group in found(reviewer, **query)] == sizes


@pytest.mark.parametrize(
    ("likeness", "distances"),
    [("very-similar", [0, 12]), ("similar", [13, 40]), ("less-similar", [41, 90]), ("nonsense", [*DISTANCES])],
)
def test_filter_by_likeness(reviewer, groups, likeness, distances):
    assert [group.max_distance for group in found(reviewer, likeness=likeness, state="all")] == distances


def test_chosen_filters_are_marked(reviewer, groups):
    page = reviewer.get(review_address("changelist"), {"likeness": "similar"})
    marked = [part.partition("<")[0] for part in page.text.split('aria-current="true">')[1:]]
    assert marked == ["To review", "Similar", "All", "Surest"]
