from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from PIL import Image

from hashing.admin import originals
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.fingerprint import opening
from hashing.models import ImageAsset
from samples.hostile_files import png, progressive_jpeg
from samples.pictures import encoded, photo
from tests.admin.conftest import EPS, HTML, SVG, address, bomb, close, content_of

pytestmark = pytest.mark.any_database

SIZE = (160, 120)


def fetch(client, asset: ImageAsset, query: str = ""):
    response = client.get(address("original", asset.pk) + query)
    return response, content_of(response)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP"])
def test_a_browser_gets_the_stored_bytes(editor, add_image, kind):
    content = encoded(photo(size=SIZE), kind)
    response, sent = fetch(editor, add_image(f"photos/photo.{kind.lower()}", content=content))
    assert sent == content
    assert response["Content-Type"] == f"image/{kind.lower()}"
    assert response["Content-Length"] == str(len(content))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'"
    assert response["Cache-Control"].startswith("private")
    assert response["Content-Disposition"].startswith('inline; filename="photo.')


def test_the_content_decides_about_the_type_and_the_name(editor, add_image):
    response, _sent = fetch(editor, add_image("page.html", content=encoded(photo(size=SIZE), "PNG")))
    assert response["Content-Type"] == "image/png"
    assert response["Content-Disposition"] == 'inline; filename="page.png"'


def test_a_hostile_name_stays_within_its_header(editor, add_image):
    response, sent = fetch(editor, add_image('a"b\r\nSet-Cookie: c.jpg'))
    assert response.status_code == 200
    assert "\n" not in response["Content-Disposition"]
    assert opened(sent).format == "JPEG"


@pytest.mark.parametrize("kind", ["TIFF", "JPEG2000", "PPM"])
def test_a_format_that_browsers_do_not_show_is_sent_as_a_jpeg_of_the_same_size(editor, add_image, kind):
    response, sent = fetch(editor, add_image("scan.tif", content=encoded(photo(size=SIZE), kind)))
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert response["Content-Disposition"] == 'inline; filename="scan-rendering.jpg"'
    assert (opened(sent).format, opened(sent).size) == ("JPEG", SIZE)


def test_more_pixels_than_a_browser_should_decode_are_reduced(editor, add_image, monkeypatch):
    monkeypatch.setattr(originals, "MAX_BROWSER_PIXELS", 160 * 120 - 1)
    monkeypatch.setattr(originals, "RENDERING_SIDES", (80,))
    assert opened(fetch(editor, add_image())[1]).size == (80, 60)


def test_a_rendering_is_as_large_as_the_limits_of_a_page_allow(editor, add_image, monkeypatch, settings):
    settings.HASHING = {"PAGE_MAX_PIXELS": 1_000_000}
    monkeypatch.setattr(originals, "MAX_BROWSER_PIXELS", 1_000_000)
    large = add_image(content=encoded(Image.new("RGB", (2400, 1600)), "JPEG"))
    assert opened(fetch(editor, large)[1]).size == (700, 467)


def test_a_page_may_ask_for_a_rendering(editor, add_image):
    asset = add_image("photo.png", content=encoded(photo(size=SIZE), "PNG"))
    assert opened(fetch(editor, asset, "?rendering=1")[1]).format == "JPEG"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SVG, id="svg"),
        pytest.param(HTML, id="html"),
        pytest.param(EPS, id="eps"),
        pytest.param(bomb(), id="bomb"),
        pytest.param(b"", id="empty"),
        pytest.param(png(100, 100, chunks=200_000), id="chunks"),
        pytest.param(progressive_jpeg(1500, 900), id="scans"),
    ],
)
def test_a_hostile_or_broken_file_is_refused_with_the_reason(editor, add_image, content):
    response, sent = fetch(editor, add_image(content=content))
    assert (response.status_code, response["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert sent.startswith(b"The file cannot be shown: ")
    assert response["Cache-Control"] == "private, max-age=0"


@pytest.mark.parametrize("name", ["photo.jpg", "folder/photo.jpg"])
def test_a_missing_file_is_not_found(editor, add_image, media, name):
    response, sent = fetch(editor, add_image(name, content=None))
    assert (response.status_code, sent) == (404, b"The file is missing.")


def test_only_regular_files_of_the_storage_are_read(editor, add_image, media):
    os.mkfifo(media / "pipe.jpg")
    (media / "folder.jpg").mkdir()
    (media.parent / "secret.jpg").write_bytes(encoded(photo(size=SIZE), "JPEG"))
    rows = [add_image(name, content=None) for name in ("pipe.jpg", "folder.jpg")]
    rows.append(ImageAsset.objects.create(image="../secret.jpg"))
    assert [fetch(editor, asset)[0].status_code for asset in rows] == [404, 404, 404]


def test_a_file_above_max_bytes_is_refused(editor, add_image, settings):
    asset = add_image()
    assert fetch(editor, asset)[0].status_code == 200
    settings.HASHING = {"MAX_BYTES": 1000}
    assert b"more than MAX_BYTES" in fetch(editor, asset)[1]


def test_a_file_of_a_storage_without_paths_is_copied_and_the_copy_deleted(editor, db, settings, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    content = encoded(photo(size=SIZE), "JPEG")
    default_storage.save("photo.jpg", ContentFile(content))
    [asset] = ImageAsset.objects.bulk_create([ImageAsset(image="photo.jpg")])
    assert fetch(editor, asset)[1] == content
    assert not list(tmp_path.glob("hashing-*"))
    assert fetch(editor, ImageAsset.objects.create(image="other.jpg"))[1] == b"The file is missing."


def test_a_storage_that_is_away_is_no_missing_file(editor, db, settings, monkeypatch):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    [asset] = ImageAsset.objects.bulk_create([ImageAsset(image="photo.jpg")])

    def fail(*_arguments):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(InMemoryStorage, "_open", fail)
    response, sent = fetch(editor, asset)
    assert (response.status_code, sent) == (404, b"The file cannot be read.")


def test_a_response_closes_its_file(editor, add_image, monkeypatch):
    files, open_regular_file = [], opening.open_regular_file

    def open_file(stored):
        files.append(open_regular_file(stored))
        return files[-1]

    monkeypatch.setattr(opening, "open_regular_file", open_file)
    response = editor.head(address("original", add_image().pk))
    assert [file.closed for file in files] == [False]
    close(response)
    assert [file.closed for file in files] == [True]


def test_the_original_of_a_hidden_row_is_not_found(editor, add_image, monkeypatch):
    shown, hidden = add_image("shown.jpg"), add_image("hidden.jpg")
    show_all = ImageAssetAdmin.get_queryset
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(pk=hidden.pk))
    assert [fetch(editor, asset)[0].status_code for asset in (shown, hidden)] == [200, 404]


def test_the_permission_is_asked_with_the_image(editor, add_image, monkeypatch):
    shown, hidden = add_image("shown.jpg"), add_image("hidden.jpg")
    monkeypatch.setattr(ImageAssetAdmin, "has_view_permission", lambda _self, _request, obj=None: obj != hidden)
    assert [fetch(editor, asset)[0].status_code for asset in (shown, hidden)] == [200, 403]


def test_an_original_is_read_without_being_written_to(editor, add_image, media):
    asset = add_image()
    before = [path.stat().st_mtime_ns for path in Path(media).iterdir()]
    fetch(editor, asset)
    assert [path.stat().st_mtime_ns for path in Path(media).iterdir()] == before
