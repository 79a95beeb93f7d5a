from __future__ import annotations

import pytest

from hashing.observability.figures import collect_figures
from hashing.observability.thresholds import Thresholds
from tests.observability.conftest import FAILED, add_rows, add_run, ago

pytestmark = pytest.mark.django_db


def problems(**limits) -> list[str]:
    return [problem.figure for problem in Thresholds(**limits).problems(collect_figures("default"))]


def test_a_figure_at_its_limit_is_in_order():
    add_rows(2, created_at=ago(100)), add_rows(3, **FAILED)
    assert problems(max_waiting=2, max_failed=3, max_age=3600) == []
    assert problems(max_waiting=1) == ["waiting"]
    assert problems(max_failed=2) == ["failed"]
    assert problems(max_age=99) == ["oldest_waiting_seconds"]


def test_without_limits_all_is_in_order():
    add_rows(2, created_at=ago(10**6))
    assert problems() == []


def test_the_last_backfill_may_not_be_too_long_ago():
    assert problems(max_run_age=3600) == ["last_backfill_seconds"]
    add_run(began=9000, ended=7000)
    assert problems(max_run_age=3600) == ["last_backfill_seconds"]
    assert problems(max_run_age=8000) == []


def test_a_long_backfill_in_progress_is_not_too_long_ago():
    add_run(began=9000, beat=1)
    assert problems(max_run_age=3600) == []


def test_a_lost_backfill_counts_since_its_last_heartbeat():
    add_run(began=9000, beat=7000)
    assert problems(max_run_age=8000) == []
    assert problems(max_run_age=3600) == ["last_backfill_seconds"]
