from __future__ import annotations

from hashing.backfill.report import BackfillReport


def test_a_clean_run_is_completed_and_lists_no_errors():
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


def test_a_stopped_run_is_partial_and_says_why_first():
    report = BackfillReport(total=20, stopped="No more paper")
    for key in range(12):
        report.count_failed(key, "broken")
    assert report.as_dict()["status"] == "partial"
    assert report.as_dict()["errors"][:2] == ["Stopped: No more paper", "Asset 0: broken"]
    assert len(report.as_dict()["errors"]) == 10
    assert "Status: PARTIAL" in report.as_text()
