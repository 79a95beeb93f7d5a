"""A placeholder picture that was uploaded thousands of times."""

from __future__ import annotations

import sqlite3

import pytest
from django.db import connection

from hashing.grouping.decisions import decide_different, decide_same, keep
from hashing.grouping.incremental import update_groups
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate
from tests.grouping.conftest import undo_last

# Fewer on PostgreSQL: what a test adds is in no statistics, and the plans for a table that seems empty are quadratic.
COPIES = 1200 if connection.vendor == "sqlite" else 300


@pytest.fixture
def few_parameters(db):
    """The limit that the oldest SQLite has that Django takes, in proportion to the copies of these tests."""
    if connection.vendor == "sqlite":
        kind, raw = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, connection.connection
        before = raw.setlimit(kind, 2 * COPIES - 1)
        yield
        raw.setlimit(kind, before)
    else:
        yield


@pytest.fixture
def crowd(few_parameters, add_hashed, group_all, monkeypatch) -> list[int]:
    monkeypatch.setattr("hashing.db.paging.batches.__defaults__", (COPIES // 3,))
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", COPIES // 2)
    first = add_hashed(width=200)
    facts = {field.attname: getattr(first, field.attname) for field in ImageAsset._meta.fields if field.name != "id"}
    ImageAsset.objects.bulk_create(ImageAsset(**facts | {"width": 100}) for _ in range(COPIES))
    group_all()
    return list(ImageAsset.objects.order_by("pk").values_list("pk", flat=True))


def test_decisions_about_it_are_made_and_taken_back(crowd, somebody):
    group = DuplicateGroup.objects.get()
    assert group.size == COPIES + 1
    decide_different(group, crowd[1], somebody.pk)
    decide_same(group, crowd[2], somebody.pk)
    group.refresh_from_db()
    assert (group.size, group.open_count) == (COPIES, COPIES - 2)
    keep(group, crowd[3], somebody.pk)
    group = DuplicateGroup.objects.get()
    assert (group.keeper_id, group.size, group.open_count) == (crowd[3], COPIES, 0)
    assert MarkedDuplicate.objects.count() == COPIES - 1
    for _ in range(3):
        undo_last(somebody.pk)
    group = DuplicateGroup.objects.get()
    assert (group.keeper_id, group.size, group.open_count) == (crowd[0], COPIES + 1, COPIES)


def test_upload_joins_it_in_few_queries(crowd, add_hashed, django_assert_max_num_queries):
    late = add_hashed()
    with django_assert_max_num_queries(40):
        update_groups([late.pk], "default", rehashed=True)
    assert DuplicateGroup.objects.get().size == COPIES + 2


def test_deletions_from_it_are_counted(crowd):
    ImageAsset.objects.filter(pk__in=crowd[1:4]).delete()
    assert ImageAsset.objects.count() == COPIES - 2
