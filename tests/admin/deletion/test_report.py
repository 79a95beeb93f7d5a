from __future__ import annotations

from hashing.admin.deletion.report import MAX_LISTED, DeletionReport


def test_lists_are_bounded():
    report = DeletionReport()
    report.add_deleted([f"{n}.jpg" for n in range(1000)])
    for number in range(1000):
        report.add_stayed(f"{number}.jpg", "the same reason")
        report.add_kept_file(f"{number}.jpg", f"reason {number}")
    assert (report.deleted, len(report.deleted_names)) == (1000, MAX_LISTED)
    assert (report.stayed_count, len(report.stayed["the same reason"].names)) == (1000, MAX_LISTED)
    assert len(report.kept_files) == MAX_LISTED + 1
    assert report.kept_files["other reasons"].names[0] == f"{MAX_LISTED}.jpg"
    assert sum(each.count for each in report.kept_files.values()) == 1000
