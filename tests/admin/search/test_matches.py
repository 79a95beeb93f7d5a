from __future__ import annotations

import pytest

from hashing.admin.search import matches
from hashing.models import ImageAsset
from tests.admin.conftest import address
from tests.admin.search.conftest import (
    add,
    find_similar,
    inside_of,
    search_by_hash,
    shown,
)


@pytest.mark.parametrize("page", ["", "0", "-1", "abc", "\u00b2", "9" * 5000])
def test_invalid_page_is_the_first(editor, db, page):
    asset, copy = add(), add()
    assert shown(find_similar(editor, asset, page=page)) == [copy.pk]


def test_upright_copy_has_no_label(editor, db):
    asset = add()
    add()
    assert "hashing-card__label" not in find_similar(editor, asset, any_orientation="on").text


def test_framed_copy_is_shown_with_a_label(editor, db):
    plain = add()
    framed = add(bits=64, **inside_of(plain))
    response = find_similar(editor, plain)
    assert shown(response) == [framed.pk]
    assert '<span class="hashing-card__label">in a frame</span>' in response.text
    assert '<span class="hashing-card__label">without the frame</span>' in find_similar(editor, framed).text


def test_framed_image_of_low_quality_is_searched_by_its_inside(editor, db):
    plain = add()
    framed = add(bits=64, **inside_of(plain) | {"hash_quality": 3})
    response = find_similar(editor, framed)
    assert response.context["unsearchable"] is None
    assert shown(response) == [plain.pk]


@pytest.mark.parametrize("detail", [None, "short"])
def test_missing_or_invalid_detail_hash_is_no_server_error(editor, db, detail):
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
        pytest.param({"perceptual_hash": "f" * 64}, "cannot be searched by", id="foreign"),
    ],
)
def test_page_explains_why_an_image_is_unsearchable(client_of, db, fields, message):
    asset = add(**fields)
    for role, may_change in (("viewer", False), ("editor", True)):
        response = find_similar(client_of(role), asset)
        assert message in response.text
        assert (address("recompute", asset.pk) in response.text) is may_change


@pytest.mark.parametrize("fields", [{"hash_quality": 3}, NOT_HASHED | {"hash_error": "broken"}])
def test_identical_files_are_shown_for_an_unsearchable_image(editor, db, fields):
    asset, same = add(file_digest="ab" * 32, **fields), add(file_digest="ab" * 32, **fields)
    response = find_similar(editor, asset)
    assert response.context["unsearchable"]
    assert shown(response) == [same.pk]


def test_image_of_another_version_is_compared_with_its_like(editor, db):
    old, copy = add(hash_version=0), add(hash_version=0)
    new = add()
    response = find_similar(editor, old)
    assert shown(response) == [copy.pk]
    assert "is of another version" in response.text
    assert "is of another version" not in find_similar(editor, new).text


def test_low_quality_can_be_included(editor, db):
    asset, other = add(hash_quality=3), add(hash_quality=4)
    for response in (find_similar(editor, asset, distance=7), search_by_hash(editor, quality=3, distance=7)):
        assert "has too little structure" in response.text
        assert "include_low_quality=on" in response.text
    assert shown(find_similar(editor, asset, include_low_quality="on")) == [other.pk]
    assert shown(search_by_hash(editor, quality=3, include_low_quality="on")) == [asset.pk, other.pk]


def test_empty_result_suggests_wider_searches(editor, db):
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


def _hash_fields(asset: ImageAsset) -> dict[str, object]:
    names = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality", "hash_version")
    return {name: getattr(asset, name) for name in names}


def test_last_page_says_that_there_are_more(editor, db, pages):
    asset = add()
    ImageAsset.objects.bulk_create([ImageAsset(image="y.jpg", **_hash_fields(asset)) for _ in range(7)])
    last = find_similar(editor, asset, page=3)
    assert 'rel="next"' not in last.text
    assert "There are more." in last.text
    assert shown(find_similar(editor, asset, page=4)) == shown(last)


def test_page_after_the_last_links_to_the_first(editor, db, pages):
    asset = add()
    add()
    assert "This page does not exist." in find_similar(editor, asset, page=2).text


def test_card_shows_details_and_links(editor, db):
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


@pytest.mark.parametrize("name", ["", "plain", "folder/", ".hidden", "a//b.png"])
def test_odd_name_is_shown(editor, db, name):
    asset = add(name)
    add(name)
    assert find_similar(editor, asset).status_code == 200
