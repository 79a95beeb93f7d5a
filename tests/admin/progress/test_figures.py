from __future__ import annotations

import pytest

from hashing.admin.progress import figures
from hashing.models import ImageAsset
from tests.admin.conftest import address
from tests.admin.progress.conftest import FAILED, HASH, add_rows, add_run, ago, page, progress


def test_summary_counts_hashed_waiting_and_failed_rows(editor, db):
    add_rows(3, perceptual_hash=HASH)
    add_rows(2)
    add_rows(1, **FAILED)
    response = page(editor)
    summary = response.context["status"].summary
    assert (summary.hashed, summary.waiting, summary.failed) == (3, 2, 1)
    assert '<progress max="100" value="50"' in response.text
    for state in ("hashed", "waiting", "failed"):
        assert f'href="{address("changelist")}?state={state}"' in response.text


def test_throughput_is_that_of_the_last_minute(editor, db):
    add_rows(30, perceptual_hash=HASH, hashed_at=ago(30))
    add_rows(15, hashed_at=ago(10), **FAILED)
    add_rows(99, perceptual_hash=HASH, hashed_at=ago(61))
    assert progress(editor).throughput == pytest.approx(45 / 60, rel=0.1)


def test_throughput_of_a_new_run_is_measured_since_its_start(editor, db):
    add_rows(40, perceptual_hash=HASH, hashed_at=ago(5))
    add_run(begun=30)
    assert progress(editor).throughput == pytest.approx(40 / 30, rel=0.3)


def test_throughput_of_many_rows_is_measured_by_time(editor, db, monkeypatch):
    monkeypatch.setattr(figures, "MAX_COUNTED", 50)
    add_rows(50, perceptual_hash=HASH, hashed_at=ago(30))
    add_rows(500, perceptual_hash=HASH, hashed_at=ago(45))
    assert progress(editor).throughput == pytest.approx(50 / 30, rel=0.3)


def test_latest_failures_link_to_their_rows(editor, db):
    [old], [new] = add_rows(1, hashed_at=ago(90), **FAILED), add_rows(1, hashed_at=ago(30), **FAILED)
    [retried] = add_rows(1, hashed_at=ago(10), **FAILED)
    response = page(editor)
    assert [failure.asset for failure in response.context["status"].failures] == [retried, new, old]
    assert f'href="{address("change", old.pk)}"' in response.text
    assert '<span class="hashing-progress__error"><bdi>the file is empty</bdi></span>' in response.text


def test_failed_retry_comes_first_among_many_failures(editor, db, monkeypatch):
    monkeypatch.setattr(figures, "MAX_CANDIDATES", 2)
    [retried], *_others = add_rows(1, **FAILED), add_rows(5, hashed_at=ago(90), **FAILED)
    ImageAsset.objects.filter(pk=retried.pk).update(hashed_at=ago(1))
    assert progress(editor).failures[0].asset == retried


def test_failures_are_found_behind_many_hashed_rows(editor, db, monkeypatch):
    monkeypatch.setattr(figures, "MAX_CANDIDATES", 2)
    [failed] = add_rows(1, hashed_at=ago(90), **FAILED)
    add_rows(5, perceptual_hash=HASH, hashed_at=ago(5))
    assert [failure.asset for failure in progress(editor).failures] == [failed]


def test_failure_without_a_date_is_shown(editor, db):
    add_rows(1, **FAILED)
    assert len(progress(editor).failures) == 1
