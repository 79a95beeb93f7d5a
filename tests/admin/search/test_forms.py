from __future__ import annotations

import pytest
from PIL import ImageOps

from hashing.admin.search import forms
from hashing.fingerprint.compute import fingerprint_of_image
from hashing.models import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.search import candidates
from hashing.search.similar import largest_quick_distance
from samples.pictures import encoded, photo
from tests.admin.conftest import EPS, HTML, SVG, address, bomb
from tests.admin.search.conftest import HASHES, MARKUP, add, find_similar, search_by_hash, shown, upload

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("distance", [0, 5, 40, 100, 200])
def test_distance_is_the_limit(editor, db, distance):
    asset, at_it = add(), add(detail_bits=distance)
    add(detail_bits=distance + 1)
    response = find_similar(editor, asset, distance=distance)
    assert shown(response) == [at_it.pk]
    assert f'max="200" step="1" value="{distance}"' in response.text


def test_default_distance_follows_the_settings(editor, db, settings):
    settings.HASHING = {"MAX_DISTANCE": 30}
    asset, near = add(), add(detail_bits=30)
    add(detail_bits=31)
    response = find_similar(editor, asset)
    assert shown(response) == [near.pk]
    assert 'value="30"' in response.text


def test_slow_distances_are_not_offered(editor, db, monkeypatch):
    monkeypatch.setattr(forms, "largest_quick_distance", lambda *_args, **_options: 60)
    asset, near = add(), add(detail_bits=60)
    add(detail_bits=61)
    response = find_similar(editor, asset)
    assert shown(response) == [near.pk]
    assert 'max="60" step="1" value="60"' in response.text
    assert "The distance must be a whole number from 0 to 60." in find_similar(editor, asset, distance=61).text


@pytest.mark.parametrize("query", [{}, {"any_orientation": "on"}, {"any_orientation": "0"}, {"any_orientation": ""}])
@pytest.mark.parametrize("search", [find_similar, search_by_hash], ids=["by image", "by hash"])
def test_no_address_costs_more_than_the_limit_of_a_page(client_of, db, monkeypatch, query, search):
    """In a large table, a search by distance 64 in any orientation took ten seconds."""
    monkeypatch.setattr(candidates, "estimate_rows", lambda *_args: 50_000_000)
    asset, asked = add(), []
    monkeypatch.setattr(ImageAssetQuerySet, "similar_to", lambda *args, **options: asked.append((args, options)))
    limit = largest_quick_distance(
        ImageAsset.objects.all(), forms.MAX_MILLISECONDS, any_orientation="any_orientation" in query
    )
    assert limit < forms.MAX_DISTANCE
    arguments = (client_of("viewer"), asset) if search is find_similar else (client_of("viewer"),)
    response = search(*arguments, distance=limit + 1, **query)
    assert f"The distance must be a whole number from 0 to {limit}." in response.text
    assert asked == []


@pytest.mark.parametrize("distance", ["", "-1", "201", "abc", "1.5", "9" * 5000, "\x00", MARKUP])
def test_invalid_distance_is_an_error(editor, db, distance):
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
def test_invalid_hashes_are_an_error(editor, db, query):
    response = search_by_hash(editor, **query)
    assert response.status_code == 200
    assert "does not contain the hashes" in response.text
    assert MARKUP not in response.text


def test_missing_hashes_are_an_error_that_links_to_the_upload(editor, db):
    response = editor.get(address("similar"))
    assert "does not contain the hashes" in response.text
    assert f'class="button hashing-button" href="{address("search_by_image")}"' in response.text


INSIDE = {f"inside_{name}": value for name, value in HASHES.items()}


def test_search_by_the_inside_of_an_upload(editor, db):
    copy = add()
    whole = {"hash": "0" * 16, "vertical": "0" * 16, "detail": "0" * 64}
    response = search_by_hash(editor, **whole, **INSIDE)
    assert shown(response) == [copy.pk]
    # Its options search by the same hashes.
    assert f'name="inside_hash" value="{HASHES["hash"]}"' in response.text


def test_upload_with_a_frame_is_searched_by_its_inside(editor, db):
    picture = photo(size=(240, 180))
    hashes = fingerprint_of_image(picture)
    plain = add(
        perceptual_hash=hashes.perceptual_hash, vertical_hash=hashes.vertical_hash, detail_hash=hashes.detail_hash
    )
    response = upload(editor, encoded(ImageOps.expand(picture, 40, "white"), "PNG"), follow=True)
    assert shown(response) == [plain.pk]
    assert "without the frame" in response.text


@pytest.mark.parametrize("name", INSIDE)
def test_incomplete_inside_is_an_error(editor, db, name):
    add()
    response = search_by_hash(editor, **{each: value for each, value in INSIDE.items() if each != name})
    assert "does not contain the hashes" in response.text
    assert "does not contain the hashes" in search_by_hash(editor, **INSIDE | {"inside_detail": "x"}).text


@pytest.mark.parametrize("quality", ["-1", "101", "x"])
def test_invalid_quality_is_an_error(editor, db, quality):
    assert "The quality must be" in search_by_hash(editor, quality=quality).text


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(SVG, "drawing.jpg", id="svg"),
        pytest.param(HTML, "page.jpg", id="html"),
        pytest.param(EPS, "print.jpg", id="eps"),
        pytest.param(EPS, "print.eps", id="eps by name"),
        pytest.param(bomb(), "bomb.bmp", id="bomb"),
        pytest.param(b"", "empty.jpg", id="empty"),
        pytest.param(encoded(photo(), "JPEG")[:3000], "cut.jpg", id="truncated"),
        pytest.param(b"\x00" * 50_000_000, "large.jpg", id="50 MB of nothing"),
        pytest.param(b"x", "<b>.jpg", id="markup"),
    ],
)
def test_invalid_image_is_an_error_of_the_form(editor, db, content, name):
    response = upload(editor, content, name)
    assert response.status_code == 200
    assert response.context["form"].errors["image"]
    assert 'class="errorlist"' in response.text
    assert "<b>" not in response.text


def test_error_names_the_reason_once(editor, db):
    [error] = upload(editor, encoded(photo(), "JPEG")[:3000]).context["form"].errors["image"]
    assert error.startswith("This file cannot be used as an image: image file is truncated")


def test_limit_of_pixels_follows_the_settings(editor, db, settings):
    settings.HASHING = {"MAX_PIXELS": 100}
    assert "more than the 100 allowed" in upload(editor, encoded(photo(), "PNG")).text


def test_missing_file_is_an_error_of_the_form(editor, db):
    assert editor.post(address("search_by_image")).context["form"].errors["image"]
