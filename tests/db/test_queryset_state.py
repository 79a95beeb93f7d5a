"""These attributes of Django are not documented: the tests must pass with every version."""

from __future__ import annotations

import pytest
from django.db.models import F

from hashing.db.queryset_state import (
    combinator,
    gives_values,
    has_annotation,
    is_distinct,
    is_narrowed,
    is_sliced,
    locks_rows,
)
from hashing.models import ImageAsset

ROWS = ImageAsset.objects.order_by("pk")


@pytest.mark.parametrize(
    "rows",
    [ROWS.filter(pk__gt=0), ROWS.exclude(pk=1), ROWS[:1], ROWS.union(ROWS), ROWS.none()],
    ids=["filter", "exclude", "slice", "union", "none"],
)
def test_a_queryset_that_may_leave_rows_out_is_narrowed(rows):
    assert is_narrowed(rows)


@pytest.mark.parametrize(
    "rows",
    [ROWS, ROWS.filter(), ROWS.annotate(key=F("pk")), ROWS.distinct()],
    ids=["all", "empty", "extra", "distinct"],
)
def test_a_queryset_of_all_rows_is_not_narrowed(rows):
    assert not is_narrowed(rows)


@pytest.mark.parametrize(
    ("state", "changed"),
    [
        (is_sliced, ROWS[:1]),
        (is_distinct, ROWS.distinct()),
        (gives_values, ROWS.values("pk")),
        (gives_values, ROWS.values_list("pk")),
        (gives_values, ROWS.annotate(key=F("pk")).values("key")),
        (locks_rows, ROWS.select_for_update()),
    ],
)
def test_state_is_told_from_that_of_other_querysets(state, changed):
    assert state(changed)
    assert not state(ROWS.filter(pk__gt=0))


def test_combined_querysets_are_told_by_their_combinator():
    assert [combinator(rows) for rows in (ROWS, ROWS.union(ROWS), ROWS.difference(ROWS))] == [
        None,
        "union",
        "difference",
    ]


def test_annotations_are_known_by_their_names():
    assert has_annotation(ROWS.annotate(key=F("pk")), "key")
    assert not has_annotation(ROWS, "key")
