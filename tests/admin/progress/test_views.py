from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.db.table_size import clear_estimates
from hashing.models import ImageAsset
from tests.admin.conftest import address
from tests.admin.progress.conftest import FAILED, HASH, MARKUP, add_rows, add_run, ago, page, progress


def test_idle_page_explains_how_to_start(client_of, db):
    add_rows(1)
    for role, may_change in (("viewer", False), ("editor", True)):
        text = page(client_of(role)).text
        assert "Nothing is running." in text
        assert "Run <code>manage.py backfill_hashes</code>" in text
        assert (address("hash_waiting") in text) is may_change


def test_page_says_that_nothing_waits(editor, db):
    text = page(editor).text
    assert "no image is waiting" in text
    assert "manage.py" not in text


def test_time_left_follows_from_the_throughput(editor, db):
    add_rows(60, perceptual_hash=HASH, hashed_at=ago(5))
    add_rows(600)
    assert progress(editor).time_left is None
    add_run(total=1100)
    assert progress(editor).time_left.total_seconds() == pytest.approx(600, rel=0.1)
    assert "about 10\xa0minutes left" in page(editor).text


def test_time_left_is_unknown_while_nothing_moves(editor, db):
    add_rows(5)
    add_run()
    assert progress(editor).time_left is None
    assert "none so far" in page(editor).text


def test_rehash_shows_the_totals_of_its_run(editor, db):
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


def test_run_of_another_model_shows_its_own_totals(editor, db):
    add_run(model_label="blog.Photo", total=2000, processed=500, begun=101)
    now = progress(editor)
    assert (now.percent, now.rate) == (25, pytest.approx(5))
    text = page(editor).text
    assert '<progress max="100" value="25"' in text
    assert "100%" not in text


def test_waiting_rows_are_shown_while_a_run_hashes_them(editor, db):
    add_rows(10)
    add_run(total=10, processed=0)
    assert progress(editor).run_totals is None


def test_markup_in_names_and_errors_is_escaped(editor, db):
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

    def add(number: int) -> None:
        add_rows(number, perceptual_hash=HASH, hashed_at=ago(5))
        add_rows(number, hashed_at=ago(5), **FAILED)
        for shard_number in range(number):
            add_run()
            add_run(beat=40, batch_id="a", shard_number=shard_number)

    add(2)
    # The first call caches the size of the table, for a minute.
    clear_estimates()
    count_queries()
    few = count_queries()
    add(10)
    assert count_queries() == few <= 16


def test_page_has_no_inline_script_or_style(editor, db):
    add_rows(1, **FAILED)
    add_run()
    add_run(beat=40)
    content = page(editor).text.split('id="content"')[1].split("</main>")[0]
    assert "<script" not in content
    assert "style=" not in content


def test_list_links_to_the_page(editor, db):
    assert f'href="{address("progress")}"' in editor.get(address("changelist")).text


def test_names_of_machines_and_reasons_are_for_those_who_may_change_images(client_of, db):
    add_run(worker="machine-7:42")
    add_run(worker="machine-8:43", ended=True, stopped="No space left on /srv/media/photos")
    for role, is_shown in (("viewer", False), ("editor", True)):
        text = page(client_of(role)).text
        assert "ended early" in text
        for detail in ("machine-7", "machine-8", "/srv/media"):
            assert (detail in text) is is_shown
