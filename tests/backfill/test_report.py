from __future__ import annotations

from hashing.backfill.report import BackfillReport


def test_run_without_failures_is_completed_and_lists_no_errors():
    report = BackfillReport(total=1)
    report.count_hashed()
    assert report.as_dict() == {"status": "completed", "total": 1, "processed": 1, "failed": 0, "errors": []}
    assert "Errors" not in report.as_text()


def test_only_the_first_ten_errors_are_kept():
    report = BackfillReport(total=12)
    for key in range(12):
        report.count_failed(key, "broken")
    assert report.failed == 12
    assert report.errors == [f"Asset {key}: broken" for key in range(10)]
    assert report.as_text().count("  - ") == 10


def test_stopped_run_is_partial_and_lists_the_reason_first():
    report = BackfillReport(total=20, stopped="No more paper")
    for key in range(12):
        report.count_failed(key, "broken")
    assert report.as_dict()["status"] == "partial"
    assert report.as_dict()["errors"][:2] == ["Stopped: No more paper", "Asset 0: broken"]
    assert len(report.as_dict()["errors"]) == 10
    assert "Status: PARTIAL" in report.as_text()


def test_rows_that_were_not_reached_are_left_out():
    report = BackfillReport(total=5)
    report.count_hashed()
    report.count_failed(2, "broken")
    assert report.as_dict()["left_out"] == 3
    assert "Processed: 1\nFailed: 1\nLeft out: 3\n\nErrors" in report.as_text()


def test_left_out_of_zero_is_in_json_only():
    report = BackfillReport()
    assert "left_out" not in report.as_dict()
    assert "Left out" not in report.as_text()
    assert report.as_json() == {**report.as_dict(), "left_out": 0}


def test_total_is_at_least_the_number_of_rows_tried():
    report = BackfillReport(total=1)
    for _ in range(3):
        report.count_hashed()
    assert (report.total, report.left_out) == (3, 0)


def test_continued_runs_are_added_up():
    whole = BackfillReport()
    first = BackfillReport(total=10, stopped="gone")
    first.set_counts(4, 1)
    whole.add(first)
    # One of the five remaining rows was deleted meanwhile.
    second = BackfillReport(total=4)
    second.set_counts(3, 1)
    whole.add(second)
    assert (whole.total, whole.processed, whole.failed, whole.left_out) == (10, 7, 2, 1)
