from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hashing.admin.progress import figures, runs
from hashing.models import BackfillRun, ImageAsset
from tests.admin.conftest import address

HASH = "0123456789abcdef"
MARKUP = '"><script>alert(1)</script>'
FAILED = {"hash_error": "ValueError: Failed to process image: the file is empty"}
numbers = count()


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def add_rows(how_many: int, **fields) -> list[ImageAsset]:
    return ImageAsset.objects.bulk_create([ImageAsset(image=f"{next(numbers)}.jpg", **fields) for _ in range(how_many)])


def add_run(begun: float = 100, seen: float = 1, ended: bool = False, **fields) -> BackfillRun:
    """Begun and last heard of so many seconds ago."""
    known = {"worker": "machine:1", "model_label": "hashing.ImageAsset", "total": 2000, "processed": 500}
    last_sign = ago(seen)
    started = last_sign - timedelta(seconds=begun - seen)
    times = {"started_at": started, "heartbeat_at": last_sign, "ended_at": last_sign if ended else None}
    return BackfillRun.objects.create(**known | times | fields)


def page(client):
    return client.get(address("progress"))


def progress(client):
    return page(client).context["status"]


def test_counts_what_is_hashed_waiting_and_failed(editor, db):
    add_rows(3, perceptual_hash=HASH)
    add_rows(2)
    add_rows(1, **FAILED)
    response = page(editor)
    summary = response.context["status"].summary
    assert (summary.hashed, summary.waiting, summary.failed) == (3, 2, 1)
    assert '<progress max="100" value="50"' in response.text
    for state in ("hashed", "waiting", "failed"):
        assert f'href="{address("changelist")}?state={state}"' in response.text


def test_nothing_running_says_how_to_begin(client_of, db):
    add_rows(1)
    for role, may_change in (("viewer", False), ("editor", True)):
        text = page(client_of(role)).text
        assert "Nothing is running." in text
        assert "Run <code>manage.py backfill_hashes</code>" in text
        assert (address("hash_waiting") in text) is may_change


def test_nothing_to_do_says_so(editor, db):
    text = page(editor).text
    assert "no image is waiting" in text
    assert "manage.py" not in text


def test_pace_is_that_of_the_last_minute(editor, db):
    add_rows(30, perceptual_hash=HASH, hashed_at=ago(30))
    add_rows(15, hashed_at=ago(10), **FAILED)
    add_rows(99, perceptual_hash=HASH, hashed_at=ago(61))
    assert progress(editor).throughput == pytest.approx(45 / 60, rel=0.1)


def test_pace_of_a_run_that_has_just_begun_is_not_that_of_a_minute(editor, db):
    add_rows(40, perceptual_hash=HASH, hashed_at=ago(5))
    add_run(begun=30)
    assert progress(editor).throughput == pytest.approx(40 / 30, rel=0.3)


def test_pace_is_not_counted_to_the_end(editor, db, monkeypatch):
    monkeypatch.setattr(figures, "MAX_COUNTED", 50)
    add_rows(50, perceptual_hash=HASH, hashed_at=ago(30))
    add_rows(500, perceptual_hash=HASH, hashed_at=ago(45))
    assert progress(editor).throughput == pytest.approx(50 / 30, rel=0.3)


def test_guess_of_the_end_follows_from_the_pace(editor, db):
    add_rows(60, perceptual_hash=HASH, hashed_at=ago(5))
    add_rows(600)
    assert progress(editor).time_left is None
    add_run(total=1100)
    assert progress(editor).time_left.total_seconds() == pytest.approx(600, rel=0.1)
    assert "about 10\xa0minutes left" in page(editor).text


def test_no_guess_while_nothing_moves(editor, db):
    add_rows(5)
    add_run()
    assert progress(editor).time_left is None
    assert "none so far" in page(editor).text


def test_run_running_is_shown_with_what_it_has_done(editor, db):
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


def test_rehash_shows_what_the_run_has_done(editor, db):
    add_rows(450, perceptual_hash=HASH, hashed_at=ago(90))
    add_rows(50, perceptual_hash=HASH, hashed_at=ago(5))
    add_rows(1, **FAILED)
    add_run(total=501, processed=400, failed=1)
    now = progress(editor)
    assert (now.run_totals.done, now.run_totals.total, now.run_totals.left, now.percent) == (401, 501, 100, 80)
    assert now.time_left.total_seconds() == pytest.approx(100 / now.throughput)
    text = page(editor).text
    assert '<progress max="100" value="80"' in text
    assert "nothing left" not in text


def test_run_of_another_model_shows_its_own_figures(editor, db):
    add_run(model_label="blog.Photo", total=2000, processed=500, begun=101)
    now = progress(editor)
    assert (now.percent, now.rate) == (25, pytest.approx(5))
    text = page(editor).text
    assert '<progress max="100" value="25"' in text
    assert "100%" not in text


def test_rows_that_wait_are_shown_while_a_run_hashes_them(editor, db):
    add_rows(10)
    add_run(total=10, processed=0)
    assert progress(editor).run_totals is None


@pytest.mark.parametrize(
    ("keys", "words"), [({}, ">all<"), ({"start_pk": "7"}, ">from 7<"), ({"end_pk": "9"}, ">up to 9<")]
)
def test_keys_of_a_run_are_said_in_words(editor, db, keys, words):
    add_run(**keys)
    assert words in page(editor).text


def test_run_that_has_ended_well_is_not_shown(editor, db):
    add_run(ended=True)
    assert "machine:1" not in page(editor).text


def test_run_that_fell_silent_is_lost(editor, db):
    lost = add_run(seen=40)
    now = progress(editor)
    assert (now.running.runs, now.interrupted.runs) == ([], [lost])
    assert ">lost<" in page(editor).text


def test_run_that_ended_early_is_shown_with_the_reason(editor, db):
    add_run(ended=True, stopped="The storage cannot be reached")
    text = page(editor).text
    assert ">ended early<" in text
    assert "The storage cannot be reached" in text


def test_trouble_of_long_ago_is_forgotten(editor, db):
    add_run(begun=9000, seen=3700)
    add_run(begun=9000, seen=3700, ended=True, stopped="Interrupted")
    assert progress(editor).interrupted.runs == []


def test_lost_range_that_another_took_up_is_marked(editor, db):
    range_1 = {"batch_id": "a", "shard_number": 1}
    lost = add_run(seen=40, **range_1)
    add_run(batch_id="a", shard_number=2)
    add_run(batch_id="b", shard_number=1)
    assert not progress(editor).interrupted.resumed
    add_run(**range_1)
    assert progress(editor).interrupted.resumed == {lost.pk}
    assert "resumed since" in page(editor).text


def test_more_runs_than_fit_are_told(editor, db, monkeypatch):
    monkeypatch.setattr(runs, "MAX_RUNNING", 2)
    add_run()
    add_run()
    assert "which are not shown" not in page(editor).text
    add_run()
    response = page(editor)
    assert len(response.context["status"].running.runs) == 2
    assert "which are not shown" in response.text


def test_latest_failures_lead_to_their_rows(editor, db):
    [old], [new] = add_rows(1, hashed_at=ago(90), **FAILED), add_rows(1, hashed_at=ago(30), **FAILED)
    [retried] = add_rows(1, hashed_at=ago(10), **FAILED)
    response = page(editor)
    assert [failure.asset for failure in response.context["status"].failures] == [retried, new, old]
    assert f'href="{address("change", old.pk)}"' in response.text
    assert '<span class="progress-error"><bdi>the file is empty</bdi></span>' in response.text


def test_failure_of_a_retry_comes_first_however_many_have_failed(editor, db, monkeypatch):
    monkeypatch.setattr(figures, "MAX_CANDIDATES", 2)
    [retried], *_others = add_rows(1, **FAILED), add_rows(5, hashed_at=ago(90), **FAILED)
    ImageAsset.objects.filter(pk=retried.pk).update(hashed_at=ago(1))
    assert progress(editor).failures[0].asset == retried


def test_failures_are_found_behind_any_number_of_good_rows(editor, db, monkeypatch):
    monkeypatch.setattr(figures, "MAX_CANDIDATES", 2)
    [failed] = add_rows(1, hashed_at=ago(90), **FAILED)
    add_rows(5, perceptual_hash=HASH, hashed_at=ago(5))
    assert [failure.asset for failure in progress(editor).failures] == [failed]


def test_failure_that_was_never_dated_is_shown(editor, db):
    add_rows(1, **FAILED)
    assert len(progress(editor).failures) == 1


def test_markup_from_elsewhere_is_escaped(editor, db):
    ImageAsset.objects.create(image=MARKUP, hash_error=MARKUP)
    add_run(worker=MARKUP, start_pk=MARKUP, end_pk=MARKUP, model_label=MARKUP)
    add_run(worker=MARKUP, ended=True, stopped=MARKUP)
    text = page(editor).text
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert") == 8


def test_number_of_queries_is_small_and_does_not_grow(editor, db):
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert page(editor).status_code == 200
        return len(queries)

    def add(how_many: int) -> None:
        add_rows(how_many, perceptual_hash=HASH, hashed_at=ago(5))
        add_rows(how_many, hashed_at=ago(5), **FAILED)
        for number in range(how_many):
            add_run()
            add_run(seen=40, batch_id="a", shard_number=number)

    add(2)
    few = count_queries()
    add(10)
    assert count_queries() == few <= 16


def test_page_holds_no_script_of_its_own(editor, db):
    add_rows(1, **FAILED)
    add_run()
    add_run(seen=40)
    content = page(editor).text.split('id="content"')[1].split("</main>")[0]
    assert "<script" not in content
    assert "style=" not in content


def test_list_leads_to_the_page(editor, db):
    assert f'href="{address("progress")}"' in editor.get(address("changelist")).text
