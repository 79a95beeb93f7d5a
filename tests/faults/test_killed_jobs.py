"""Jobs of the admin that are killed do nothing twice, and the next run does the rest."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

import pytest

from tests.faults.harness import Library, finish
from tests.faults.jobs import GROUPS

MARKS = """hashing_pairdecision d JOIN hashing_imageasset l ON l.id = d.lower_id AND l.image = d.lower_file
JOIN hashing_imageasset h ON h.id = d.higher_id AND h.image = d.higher_file WHERE d.superseded_by IS NULL"""
pytestmark = pytest.mark.slow


def kill_after(library: Library, job: str, table: str, count: int) -> None:
    """Run a job and kill it when the table of its log has this number of entries."""
    process = library.start_module("tests.faults.run_job", job)
    while process.poll() is None and len(library.rows("id", table=table)) < count:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_deletion_that_is_killed_twice_loses_nothing(library: Library):
    for done in (5, 40):
        kill_after(library, "delete", "django_admin_log", done)
        images = dict(library.rows("id, image"))
        assert done <= 4 * GROUPS - len(images) < 3 * GROUPS
        assert all((library.media / name).exists() for name in images.values())
        # Whatever is to be deleted still says what is kept in its place.
        kept = {pk for pk, name in images.items() if name.endswith("-3.png")}
        assert len(kept) == GROUPS
        assert {pk for (pk,) in library.rows("d.duplicate_id", table=MARKS, order="")} == images.keys() - kept
    finish(library.start_module("tests.faults.run_job", "delete"))
    assert [name for (name,) in library.rows("image")] == [f"{number}-3.png" for number in range(GROUPS)]
    assert all((library.media / f"{number}-3.png").exists() for number in range(GROUPS))
    logged = Counter(key for key, flag in library.rows("object_id, action_flag", table="django_admin_log"))
    assert (len(logged), set(logged.values())) == (3 * GROUPS, {1})
    [(error, ended)] = library.rows("error, ended_at", table="hashing_deletionrun")
    assert error == ""
    assert ended


def test_groups_of_equal_files_are_decided_once_by_a_job_that_was_killed(library: Library):
    kill_after(library, "keep_equal_files", "hashing_pairdecision", 20)
    # A group is decided as a whole or not at all.
    sizes = {(size, left) for size, left in library.rows("size, open_count", table="hashing_duplicategroup")}
    assert sizes == {(3, 0), (3, 2)}
    out = finish(library.start_module("tests.faults.run_job", "keep_equal_files"))
    assert out.strip() == f"{GROUPS} {2 * GROUPS} {{}}"
    decided = library.rows("duplicate_id", table="hashing_pairdecision")
    assert len(decided) == len(set(decided)) == 2 * GROUPS
    logged = Counter(key for (key,) in library.rows("object_id", table="django_admin_log"))
    assert (len(logged), set(logged.values())) == (3 * GROUPS, {1})
