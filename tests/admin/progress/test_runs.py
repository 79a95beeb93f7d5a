from __future__ import annotations

import pytest

from hashing.admin.progress import runs
from tests.admin.progress.conftest import add_run, page, progress


def test_running_run_is_shown_with_its_progress(editor, db):
    add_run(worker="machine-7:42", start_pk="2001", end_pk="4000", processed=1490, failed=10, begun=101)
    text = page(editor).text
    for part in (
        "Hashing is under way.",
        "machine-7:42",
        "2001 to 4000",
        "1,500 of 2,000",
        "10 failed",
        "1\xa0minute<",
    ):
        assert part in text
    assert '<td data-label="Images per second">15</td>' in text


@pytest.mark.parametrize(
    ("keys", "words"), [({}, ">all<"), ({"start_pk": "7"}, ">from 7<"), ({"end_pk": "9"}, ">up to 9<")]
)
def test_keys_of_a_run_are_described(editor, db, keys, words):
    add_run(**keys)
    assert words in page(editor).text


def test_completed_run_is_not_shown(editor, db):
    add_run(ended=True)
    assert "machine:1" not in page(editor).text


def test_run_without_a_heartbeat_is_lost(editor, db):
    lost = add_run(beat=40)
    now = progress(editor)
    assert (now.running.runs, now.interrupted.runs) == ([], [lost])
    assert ">lost<" in page(editor).text


def test_run_that_ended_early_is_shown_with_the_reason(editor, db):
    add_run(ended=True, stopped="The storage cannot be reached")
    text = page(editor).text
    assert ">ended early<" in text
    assert "The storage cannot be reached" in text


def test_runs_interrupted_long_ago_are_not_shown(editor, db):
    add_run(begun=9000, beat=3700)
    add_run(begun=9000, beat=3700, ended=True, stopped="Interrupted")
    assert progress(editor).interrupted.runs == []


def test_lost_shard_that_a_later_run_continued_is_marked_as_resumed(editor, db):
    range_1 = {"batch_id": "a", "shard_number": 1}
    lost = add_run(beat=40, **range_1)
    add_run(batch_id="a", shard_number=2)
    add_run(batch_id="b", shard_number=1)
    assert not progress(editor).interrupted.resumed
    add_run(**range_1)
    assert progress(editor).interrupted.resumed == {lost.pk}
    assert "resumed since" in page(editor).text


def test_page_says_that_there_are_more_runs(editor, db, monkeypatch):
    monkeypatch.setattr(runs, "MAX_RUNNING", 2)
    add_run()
    add_run()
    assert "which are not shown" not in page(editor).text
    add_run()
    response = page(editor)
    assert len(response.context["status"].running.runs) == 2
    assert "which are not shown" in response.text
