from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.models import ImageAsset
from tests.admin.conftest import address

HASH = "0123456789abcdef"


@pytest.fixture
def rows(db) -> dict[str, ImageAsset]:
    make = ImageAsset.objects.create
    return {
        "hashed": make(image="trees/birch.jpg", perceptual_hash=HASH, vertical_hash="f" * 16, width=640, height=480),
        "waiting": make(image="trees/oak.jpg", file_size=2048),
        "failed": make(image="cars/beetle.jpg", hash_error="ValueError: Failed to process image: the file is empty"),
    }


def shown(response) -> set[int]:
    return {asset.pk for asset in response.context["cl"].result_list}


def search(client, **query) -> set[int]:
    return shown(client.get(address("changelist"), query))


@pytest.mark.parametrize("state", ["hashed", "waiting", "failed"])
def test_filters_by_state(editor, rows, state):
    assert search(editor, state=state) == {rows[state].pk}


def test_unknown_state_shows_all(editor, rows):
    assert len(search(editor, state="nonsense")) == 3


def test_filters_by_date(editor, rows):
    ImageAsset.objects.filter(pk=rows["hashed"].pk).update(created_at="2020-01-01T00:00Z")
    assert search(editor, created_at__lt="2021-01-01 00:00:00+00:00") == {rows["hashed"].pk}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("birch", {"hashed"}),
        ("TREES", {"hashed", "waiting"}),
        ("tree oak", {"waiting"}),
        (HASH, {"hashed"}),
        (HASH.upper(), {"hashed"}),
        ("f" * 16, {"hashed"}),
        ("0" * 16, set()),
        ("9" * 40, set()),
        ("100%", set()),
        ("<script>alert(1)</script>", set()),
    ],
)
def test_searches_by_name_and_hash(editor, rows, text, names):
    assert search(editor, q=text) == {rows[name].pk for name in names}


def test_null_character_is_no_error(editor, rows):
    assert editor.get(address("changelist"), {"q": "\x00"}).status_code == 200


def test_searches_by_key(editor, rows):
    assert search(editor, q=str(rows["failed"].pk)) == {rows["failed"].pk}


def test_number_that_is_no_key_is_part_of_a_name(editor, rows):
    numbered = ImageAsset.objects.create(image="IMG_20261122.jpg")
    assert search(editor, q="20261122") == {numbered.pk}


def test_shows_what_is_known_of_a_row(editor, rows):
    text = editor.get(address("changelist")).text
    for part in (HASH, "640\xa0\u00d7\xa0480", "2.0\xa0KB", "birch.jpg", "the file is empty"):
        assert part in text


def test_markup_in_a_name_or_an_error_is_escaped(editor, db):
    markup = '"><script>alert(1)</script>'
    asset = ImageAsset.objects.create(image=markup, hash_error=markup)
    for page in (address("changelist"), address("change", asset.pk), address("recompute", asset.pk)):
        text = editor.get(page).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


@pytest.mark.parametrize("query", ["", "?state=hashed", "?q=photo", "?o=-2"])
def test_number_of_queries_does_not_grow_with_the_rows(editor, db, query):
    def count_queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert editor.get(address("changelist") + query).status_code == 200
        return len(queries)

    def add(count: int) -> None:
        new = [ImageAsset(image=f"photo{n}.jpg", perceptual_hash=HASH, width=1, height=1) for n in range(count)]
        ImageAsset.objects.bulk_create(new)

    add(8)
    few = count_queries()
    add(40)
    assert count_queries() == few <= 12


def test_list_never_links_to_an_original_as_its_picture(editor, add_image):
    asset = add_image(perceptual_hash=HASH)
    text = editor.get(address("changelist")).text
    assert f'src="{address("preview", asset.pk, 160)}?v=' in text
    assert f'src="{asset.image.url}' not in text


def test_summary_counts_and_links(editor, rows):
    summary = editor.get(address("changelist")).context["summary"]
    assert (summary.total, summary.hashed, summary.waiting, summary.failed) == (3, 1, 1, 1)
    assert summary.percent == 33


def test_summary_of_an_empty_table(editor, db):
    response = editor.get(address("changelist"))
    assert response.context["summary"].percent == 100
    assert "nothing hashed yet" in response.text
