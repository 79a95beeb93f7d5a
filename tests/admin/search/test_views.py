from __future__ import annotations

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import ImageOps

from hashing.admin.search import forms, matches
from hashing.backfill.run import hash_row
from hashing.db.table_size import clear_estimates
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_fingerprint
from samples.pictures import encoded, photo
from tests.admin.conftest import address

HASH, VERTICAL, DETAIL = "0123456789abcdef", "fedcba9876543210", "3c" * 32
HASHES = {"hash": HASH, "vertical": VERTICAL, "detail": DETAIL, "quality": 90}
MARKUP = '"><script>alert(1)</script>'


def add(name: str = "x.jpg", bits: int = 0, detail_bits: int = 0, **fields) -> ImageAsset:
    """A row whose hashes differ from HASH and from DETAIL in so many bits."""
    known = {
        "perceptual_hash": f"{int(HASH, 16) ^ (1 << bits) - 1:016x}",
        "vertical_hash": VERTICAL,
        "detail_hash": f"{int(DETAIL, 16) ^ (1 << detail_bits) - 1:064x}",
        "hash_quality": 90,
        "hash_version": HASH_VERSION,
    }
    return ImageAsset.objects.bulk_create([ImageAsset(image=name, **known | fields)])[0]


def find_similar(client, asset: ImageAsset, **query):
    return client.get(address("find_similar", asset.pk), query)


def search_by_hash(client, **query):
    return client.get(address("similar"), HASHES | query)


def shown(response) -> list[int]:
    page = response.context["page"]
    return [card.asset.pk for card in page.cards] if page else []


def test_page_shows_the_picture_and_its_copies_nearest_first(editor, db):
    asset, far, near = add("own.jpg"), add("far.jpg", bits=3, detail_bits=40), add("near.jpg", bits=1)
    response = find_similar(editor, asset)
    assert shown(response) == [near.pk, far.pk]
    assert response.context["query_image"].asset == asset
    assert response.text.index("own.jpg") < response.text.index("near.jpg") < response.text.index("far.jpg")
    assert '<strong title="Distance 43 of 384">similar</strong>' in response.text
    assert '<strong title="Distance 1 of 384">looks identical</strong>' in response.text


def test_hashes_in_the_address_find_the_same(editor, db):
    row, _other = add(bits=2), add(bits=21)
    assert shown(search_by_hash(editor)) == [row.pk]
    assert shown(search_by_hash(editor, hash=HASH.upper())) == [row.pk]


def test_large_hash_decides(editor, db):
    asset = add()
    add(detail_bits=101)
    assert shown(find_similar(editor, asset)) == []


@pytest.mark.parametrize("distance", [0, 5, 40, 100, 200])
def test_distance_is_the_limit(editor, db, distance):
    asset, at_it = add(), add(detail_bits=distance)
    add(detail_bits=distance + 1)
    response = find_similar(editor, asset, distance=distance)
    assert shown(response) == [at_it.pk]
    assert f'max="200" step="1" value="{distance}"' in response.text


def test_distance_is_the_settings_unless_given(editor, db, settings):
    settings.HASHING = {"MAX_DISTANCE": 30}
    asset, near = add(), add(detail_bits=30)
    add(detail_bits=31)
    response = find_similar(editor, asset)
    assert shown(response) == [near.pk]
    assert 'value="30"' in response.text


def test_distance_that_would_take_long_is_not_offered(editor, db, monkeypatch):
    monkeypatch.setattr(forms, "largest_quick_distance", lambda *_args, **_options: 60)
    asset, near = add(), add(detail_bits=60)
    add(detail_bits=61)
    response = find_similar(editor, asset)
    assert shown(response) == [near.pk]
    assert 'max="60" step="1" value="60"' in response.text
    assert "The distance must be a whole number from 0 to 60." in find_similar(editor, asset, distance=61).text


@pytest.mark.parametrize("distance", ["", "-1", "201", "abc", "1.5", "9" * 5000, "\x00", MARKUP])
def test_wrong_distance_is_a_message(editor, db, distance):
    asset = add()
    add()
    for response in (find_similar(editor, asset, distance=distance), search_by_hash(editor, distance=distance)):
        assert response.status_code == 200
        assert response.text.count("The distance must be a whole number from 0 to 200.") == 1
        assert MARKUP not in response.text
        assert shown(response) == []


@pytest.mark.parametrize(
    "query", [{"hash": ""}, {"hash": "12"}, {"hash": "g" * 16}, {"vertical": "\x00"}, {"detail": ""}, {"hash": MARKUP}]
)
def test_address_without_hashes_says_so_and_leads_to_the_upload(editor, db, query):
    response = search_by_hash(editor, **query)
    assert response.status_code == 200
    assert "does not contain the hashes" in response.text
    assert MARKUP not in response.text


def test_address_without_anything_says_so(editor, db):
    response = editor.get(address("similar"))
    assert "does not contain the hashes" in response.text
    assert f'class="button hashing-button" href="{address("search_by_image")}"' in response.text


@pytest.mark.parametrize("quality", ["-1", "101", "x"])
def test_wrong_quality_is_a_message(editor, db, quality):
    assert "The quality must be" in search_by_hash(editor, quality=quality).text


@pytest.mark.parametrize("page", ["", "0", "-1", "abc", "\u00b2", "9" * 5000])
def test_wrong_page_is_the_first(editor, db, page):
    asset, copy = add(), add()
    assert shown(find_similar(editor, asset, page=page)) == [copy.pk]


def test_mirrored_copy_is_found_with_any_orientation(editor, add_image):
    whole = photo(size=(160, 120))
    asset, copy = add_image("a.png"), add_image("b.png", content=encoded(ImageOps.mirror(whole), "PNG"))
    for row in (asset, copy):
        hash_row(row.pk, row.image.name, "default")
    assert shown(find_similar(editor, asset)) == []
    response = find_similar(editor, asset, any_orientation="on")
    assert shown(response) == [copy.pk]
    assert response.context["page"].cards[0].orientation == "mirrored"
    assert '<span class="hashing-card__orientation">mirrored</span>' in response.text
    known = compute_fingerprint(io.BytesIO(encoded(whole, "PNG")))
    query = {"hash": known.perceptual_hash, "vertical": known.vertical_hash, "detail": known.detail_hash}
    assert set(shown(search_by_hash(editor, any_orientation="on", **query))) == {asset.pk, copy.pk}


def test_upright_copy_has_no_word_about_it(editor, db):
    asset = add()
    add()
    assert "hashing-card__orientation" not in find_similar(editor, asset, any_orientation="on").text


@pytest.mark.parametrize("detail", [None, "short"])
def test_picture_without_all_good_hashes_is_no_error(editor, db, detail):
    asset = add(detail_hash=detail)
    add()
    for query in ({}, {"any_orientation": "on"}):
        response = find_similar(editor, asset, **query)
        assert response.status_code == 200
        assert response.context["unsearchable"] == "bad hash"


NOT_HASHED = {"perceptual_hash": None, "vertical_hash": None, "detail_hash": None}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(NOT_HASHED, "This image has no hash yet.", id="waiting"),
        pytest.param(NOT_HASHED | {"hash_error": "ValueError: <b>"}, "&lt;b&gt;", id="failed"),
        pytest.param({"hash_version": HASH_VERSION + 1}, "has another version", id="stale"),
        pytest.param({"perceptual_hash": "f" * 64}, "cannot be searched by", id="foreign"),
    ],
)
def test_picture_without_a_usable_hash_says_why(client_of, db, fields, message):
    asset = add(**fields)
    for role, may_change in (("viewer", False), ("editor", True)):
        response = find_similar(client_of(role), asset)
        assert message in response.text
        assert (address("recompute", asset.pk) in response.text) is may_change


@pytest.mark.parametrize("fields", [{"hash_quality": 3}, NOT_HASHED | {"hash_error": "broken"}])
def test_equal_files_are_shown_beside_the_reason_why_hashes_are_not_compared(editor, db, fields):
    asset, same = add(file_digest="ab" * 32, **fields), add(file_digest="ab" * 32, **fields)
    response = find_similar(editor, asset)
    assert response.context["unsearchable"]
    assert shown(response) == [same.pk]


def test_low_quality_can_be_searched_all_the_same(editor, db):
    asset, other = add(hash_quality=3), add(hash_quality=4)
    for response in (find_similar(editor, asset, distance=7), search_by_hash(editor, quality=3, distance=7)):
        assert "has too little structure" in response.text
        assert "include_low_quality=on" in response.text
    assert shown(find_similar(editor, asset, include_low_quality="on")) == [other.pk]
    assert shown(search_by_hash(editor, quality=3, include_low_quality="on")) == [asset.pk, other.pk]


def test_nothing_found_says_so_and_what_can_be_tried(editor, db):
    asset = add()
    add(bits=15)
    text = find_similar(editor, asset, distance=1).text
    assert "No other image is similar." in text
    assert "None is within a distance of 1." in text
    assert 'href="?distance=100"' in text
    assert "No image is similar." in search_by_hash(editor, hash="f" * 16).text


@pytest.fixture
def pages(monkeypatch):
    monkeypatch.setattr(matches, "PER_PAGE", 2)
    monkeypatch.setattr(matches, "MAX_PAGES", 3)


def test_pages_follow_one_another(editor, db, pages):
    asset, copies = add(), [add(bits=number) for number in range(5)]
    first, second, third = (find_similar(editor, asset, page=number, distance=90) for number in (1, 2, 3))
    assert [shown(page) for page in (first, second, third)] == [
        [copy.pk for copy in copies[start : start + 2]] for start in (0, 2, 4)
    ]
    assert 'rel="next" href="?page=2&amp;distance=90"' in first.text
    assert 'rel="prev"' not in first.text
    assert "Images 3 to 4" in second.text
    assert 'rel="next"' not in third.text


def test_last_page_says_that_there_are_more(editor, db, pages):
    asset = add()
    ImageAsset.objects.bulk_create([ImageAsset(image="y.jpg", **_hash_fields(asset)) for _ in range(7)])
    last = find_similar(editor, asset, page=3)
    assert 'rel="next"' not in last.text
    assert "There are more." in last.text
    assert shown(find_similar(editor, asset, page=4)) == shown(last)


def test_page_after_the_last_leads_back(editor, db, pages):
    asset = add()
    add()
    assert "This page does not exist." in find_similar(editor, asset, page=2).text


def _hash_fields(asset: ImageAsset) -> dict[str, object]:
    names = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality", "hash_version")
    return {name: getattr(asset, name) for name in names}


@pytest.mark.parametrize("query", [{}, {"distance": 200}, {"any_orientation": "on"}])
def test_rows_are_neither_counted_nor_asked_for_one_by_one(editor, db, query):
    asset = add()

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert find_similar(editor, asset, **query).status_code == 200
        return [entry["sql"] for entry in captured]

    add()
    # The size of the table is asked for once a minute.
    clear_estimates()
    queries()
    few = queries()
    for _ in range(60):
        add()
    many = queries()
    assert len(many) == len(few) <= 6
    assert not any("COUNT(*)" in sql for sql in many)


def test_card_shows_what_is_known_and_where_to_go(editor, db):
    asset = add()
    copy = add("trees/oak.JPEG", width=640, height=480, file_size=2048)
    text = find_similar(editor, asset, distance=8, any_orientation="on").text
    for part in (
        "trees/</bdi></span><strong><bdi>oak.JPEG",
        "640&nbsp;\u00d7&nbsp;480",
        "2.0\xa0KB",
        "<li><bdi>JPEG</bdi></li>",
    ):
        assert part in text
    assert f'href="{address("change", copy.pk)}"' in text
    assert f'href="{address("find_similar", copy.pk)}?distance=8&amp;any_orientation=on"' in text
    assert f'src="{address("preview", copy.pk, 640)}?v=' in text


def test_markup_in_a_name_is_escaped(editor, db):
    asset = add(MARKUP)
    add(MARKUP)
    text = find_similar(editor, asset).text
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert") >= 2


@pytest.mark.parametrize("name", ["", "plain", "folder/", ".hidden", "a//b.png"])
def test_odd_name_is_shown(editor, db, name):
    asset = add(name)
    add(name)
    assert find_similar(editor, asset).status_code == 200


def test_page_needs_no_script_of_its_own(editor, db):
    """A site may forbid scripts and styles that stand in a page."""
    asset = add()
    add()
    for response in (find_similar(editor, asset), search_by_hash(editor), editor.get(address("search_by_image"))):
        results = response.text.split('id="content"')[1]
        assert "<script" not in results.split("</main>")[0]
        assert "style=" not in results
        assert "onclick" not in results
