from __future__ import annotations

import io

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import ImageOps

from hashing.backfill.run import hash_row
from hashing.db.table_size import clear_estimates
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_fingerprint
from samples.pictures import blank, encoded, photo
from tests.admin.conftest import address
from tests.admin.search.conftest import (
    HASH,
    MARKUP,
    add,
    find_similar,
    search_by_hash,
    shown,
    upload,
)

pytestmark = pytest.mark.any_database


def test_page_shows_the_image_and_its_copies_nearest_first(editor, db):
    asset, far, near = add("own.jpg"), add("far.jpg", bits=3, detail_bits=40), add("near.jpg", bits=1)
    response = find_similar(editor, asset)
    assert shown(response) == [near.pk, far.pk]
    assert response.context["query_image"].asset == asset
    assert response.text.index("own.jpg") < response.text.index("near.jpg") < response.text.index("far.jpg")
    assert '<strong title="Distance 43 of 384">less similar</strong>' in response.text
    assert '<strong title="Distance 1 of 384">very similar</strong>' in response.text


def test_search_by_the_hashes_in_the_address(editor, db):
    row, _other = add(bits=2), add(bits=21)
    assert shown(search_by_hash(editor)) == [row.pk]
    assert shown(search_by_hash(editor, hash=HASH.upper())) == [row.pk]


def test_detail_hash_decides(editor, db):
    asset = add()
    add(detail_bits=101)
    assert shown(find_similar(editor, asset)) == []


def test_mirrored_copy_is_found_with_any_orientation(editor, add_image):
    whole = photo(size=(160, 120))
    asset, copy = add_image("a.png"), add_image("b.png", content=encoded(ImageOps.mirror(whole), "PNG"))
    for row in (asset, copy):
        hash_row(row.pk, row.image.name, "default")
    assert shown(find_similar(editor, asset)) == []
    response = find_similar(editor, asset, any_orientation="on")
    assert shown(response) == [copy.pk]
    assert response.context["page"].cards[0].label == "mirrored"
    assert '<span class="hashing-card__label">mirrored</span>' in response.text
    known = compute_fingerprint(io.BytesIO(encoded(whole, "PNG")))
    query = {"hash": known.perceptual_hash, "vertical": known.vertical_hash, "detail": known.detail_hash}
    assert set(shown(search_by_hash(editor, any_orientation="on", **query))) == {asset.pk, copy.pk}


@pytest.mark.parametrize("query", [{}, {"distance": 200}, {"any_orientation": "on"}])
def test_number_of_queries_does_not_grow_with_the_matches(editor, db, query):
    asset = add()

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert find_similar(editor, asset, **query).status_code == 200
        return [entry["sql"] for entry in captured]

    add()
    # The first call caches the size of the table, for a minute.
    clear_estimates()
    queries()
    few = queries()
    for _ in range(60):
        add()
    many = queries()
    assert len(many) == len(few) <= 6
    assert not any("COUNT(*)" in sql for sql in many)


def test_markup_in_a_name_is_escaped(editor, db):
    asset = add(MARKUP)
    add(MARKUP)
    text = find_similar(editor, asset).text
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert") >= 2


def test_pages_have_no_inline_script_or_style(editor, db):
    """Inline scripts and styles are forbidden by the content security policy of many sites."""
    asset = add()
    add()
    for response in (find_similar(editor, asset), search_by_hash(editor), editor.get(address("search_by_image"))):
        results = response.text.split('id="content"')[1]
        assert "<script" not in results.split("</main>")[0]
        assert "style=" not in results
        assert "onclick" not in results


@pytest.fixture
def here(add_image) -> ImageAsset:
    asset = add_image("here.png")
    hash_row(asset.pk, "here.png", "default")
    return asset


def found(response) -> list[int]:
    return [card.asset.pk for card in response.context["page"].cards]


@pytest.mark.parametrize(("suffix", "kind"), [("jpg", "JPEG"), ("webp", "WEBP"), ("tif", "TIFF"), ("gif", "GIF")])
def test_copy_in_another_format_is_found(editor, here, suffix, kind):
    content = encoded(photo(size=(160, 120)), kind)
    assert found(upload(editor, content, f"copy.{suffix}", follow=True)) == [here.pk]


def test_address_contains_only_the_hashes(editor, here):
    response = upload(editor, encoded(photo(size=(160, 120)), "PNG"), "secret-name.png")
    here.refresh_from_db()
    hashes = f"?hash={here.perceptual_hash}&vertical={here.vertical_hash}&detail={here.detail_hash}"
    assert response.status_code == 302
    assert response["Location"] == address("similar") + f"{hashes}&quality={here.hash_quality}"


def test_mirrored_copy_is_found_by_its_address(editor, here):
    response = upload(editor, encoded(ImageOps.mirror(photo(size=(160, 120))), "PNG"))
    assert found(editor.get(response["Location"])) == []
    assert found(editor.get(response["Location"] + "&any_orientation=on")) == [here.pk]


def test_upload_is_not_stored(editor, here, media, settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "uploads")
    (tmp_path / "uploads").mkdir()
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    before = sorted(media.rglob("*"))
    upload(editor, encoded(photo(), "PNG"), follow=True)
    upload(editor, b"no picture")
    assert ImageAsset.objects.get() == here
    assert not LogEntry.objects.exists()
    assert sorted(media.rglob("*")) == before
    assert not list((tmp_path / "uploads").iterdir())


def test_blank_page_has_too_little_structure(editor, db):
    response = upload(editor, encoded(blank(size=(160, 120)), "PNG"), follow=True)
    assert "has too little structure" in response.text


def test_unknown_parameters_are_ignored(editor, db):
    assert editor.get(address("search_by_image") + "?state=hashed&distance=99").status_code == 200
