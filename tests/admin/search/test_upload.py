from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ImageOps

from hashing.backfill.run import hash_row
from hashing.models import ImageAsset
from samples.pictures import blank, encoded, photo
from tests.admin.conftest import address
from tests.admin.test_previews import EPS, HTML, SVG, bomb


def upload(client, content: bytes, name: str = "photo.jpg", **options):
    return client.post(address("search_by_image"), {"image": SimpleUploadedFile(name, content)}, **options)


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


def test_address_holds_the_hashes_and_nothing_else(editor, here):
    response = upload(editor, encoded(photo(size=(160, 120)), "PNG"), "secret-name.png")
    here.refresh_from_db()
    hashes = f"?hash={here.perceptual_hash}&vertical={here.vertical_hash}&detail={here.detail_hash}"
    assert response.status_code == 302
    assert response["Location"] == address("similar") + f"{hashes}&quality={here.hash_quality}"


def test_mirrored_copy_is_found_by_its_address(editor, here):
    response = upload(editor, encoded(ImageOps.mirror(photo(size=(160, 120))), "PNG"))
    assert found(editor.get(response["Location"])) == []
    assert found(editor.get(response["Location"] + "&any_orientation=on")) == [here.pk]


def test_nothing_of_an_upload_is_kept(editor, here, media, settings, tmp_path):
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


def test_blank_page_says_too_little(editor, db):
    response = upload(editor, encoded(blank(size=(160, 120)), "PNG"), follow=True)
    assert "has too little structure" in response.text


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
def test_what_is_no_picture_is_told_in_the_form(editor, db, content, name):
    response = upload(editor, content, name)
    assert response.status_code == 200
    assert response.context["form"].errors["image"]
    assert 'class="errorlist"' in response.text
    assert "<b>" not in response.text


def test_reason_is_told_once(editor, db):
    [error] = upload(editor, encoded(photo(), "JPEG")[:3000]).context["form"].errors["image"]
    assert error.startswith("This file cannot be used as an image: image file is truncated")


def test_limit_of_pixels_is_the_settings(editor, db, settings):
    settings.HASHING = {"MAX_PIXELS": 100}
    assert "more than the 100 allowed" in upload(editor, encoded(photo(), "PNG")).text


def test_form_without_a_file_says_so(editor, db):
    assert editor.post(address("search_by_image")).context["form"].errors["image"]


def test_button_takes_the_filter_of_the_list_along_and_nobody_minds(editor, db):
    assert editor.get(address("search_by_image") + "?state=hashed&distance=99").status_code == 200
