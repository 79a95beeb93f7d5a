from __future__ import annotations

import pytest
from django.utils import timezone

from hashing.models import DeletionRun, DuplicateGroup, GroupingRun
from hashing.observability.figures import collect_figures
from tests.observability.conftest import FAILED, HASHED, add_rows, add_run, ago

pytestmark = pytest.mark.django_db


def figures(*labels: str):
    return collect_figures("default", labels)


def test_rows_are_counted_by_their_state():
    add_rows(3, **HASHED), add_rows(2), add_rows(1, **FAILED)
    found = figures()
    assert (found.summary.total, found.summary.hashed) == (6, 3)
    assert (found.summary.waiting, found.summary.failed) == (2, 1)


def test_oldest_waiting_image_is_neither_hashed_nor_failed_nor_replaced():
    for fields in (HASHED, FAILED, {"file_version": 1}):
        add_rows(1, created_at=ago(9000), **fields)
    assert figures().oldest_waiting_at is None
    [first, _second] = add_rows(1, created_at=ago(600)) + add_rows(1, created_at=ago(60))
    assert figures().oldest_waiting_at == first.created_at
    assert figures().oldest_waiting_seconds >= 600


def test_an_empty_table_has_no_runs():
    found = figures()
    assert (found.summary.total, found.last_runs, found.last_backfill_seconds) == (0, (), None)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"ended": 50}, "completed"),
        ({"ended": 50, "stopped": "the storage is down"}, "stopped"),
        ({"beat": 1}, "running"),
        ({"began": 900, "beat": 800}, "lost"),
    ],
)
def test_last_backfill_says_how_it_ended(fields, status):
    add_run(began=9000, ended=8000)
    add_run(**fields)
    last = figures().last_backfill
    assert (last.status, last.done, last.failed) == (status, 450, 50)


def test_speed_of_a_run_is_that_of_all_images_it_tried():
    add_run(began=150, ended=50)
    assert figures().last_backfill.images_per_second == pytest.approx(5, rel=0.01)


def test_runs_in_progress_have_a_heartbeat():
    add_run(beat=20), add_run(beat=2), add_run(began=900, beat=800), add_run(ended=10)
    found = figures()
    assert found.running_backfills == 2
    assert found.heartbeat_seconds >= 19


def test_searches_and_deletions_are_runs_as_well():
    GroupingRun.objects.create(max_distance=100)
    running = {"user_pk": "1", "site_name": "admin", "model_label": "hashing.ImageAsset", "job": {}, "total": 5}
    DeletionRun.objects.create(**running, heartbeat_at=timezone.now(), done=2)
    found = figures()
    assert [(run.kind, run.status) for run in found.last_runs] == [
        ("find_duplicates", "completed"),
        ("deletion", "running"),
    ]
    assert found.running_deletions == 1


def test_groups_with_undecided_images_are_to_be_reviewed():
    for asset, open_count in zip(add_rows(3, **HASHED), (1, 0, 2), strict=True):
        DuplicateGroup.objects.create(keeper=asset, size=3, open_count=open_count, max_distance=5)
    assert figures().groups_to_review == 2


def test_figures_of_a_source_count_its_images_alone(sources):
    sources("site_models.Photo.original")
    add_rows(2)
    add_rows(1, source_type="site_models.Photo", source_field="original", source_id="1")
    assert figures("site_models.Photo").summary.waiting == 1


def test_no_name_of_a_file_or_machine_leaves_in_the_record():
    add_rows(1, **FAILED)
    add_run(ended=10, stopped="secret.jpg")
    assert "secret" not in str(figures().as_dict())
