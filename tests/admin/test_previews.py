from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import ImageAsset
from hashing.previews.location import FOLDER
from samples.pictures import encoded, photo
from tests.admin.conftest import EPS, HTML, SVG, address, bomb

pytestmark = pytest.mark.any_database


def fetch(client, asset: ImageAsset, side: int = 160):
    response = client.get(address("preview", asset.pk, side))
    return response, response.content


def previews(media) -> list[Path]:
    return [path for path in (media / FOLDER).rglob("*") if path.is_file()]


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(("side", "size"), [(160, (160, 120)), (640, (640, 480)), (1280, (1280, 960))])
def test_preview_is_a_small_jpeg(editor, add_image, side, size):
    asset = add_image("big.png", content=encoded(photo(size=(1280, 960)), "PNG"))
    response, content = fetch(editor, asset, side)
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, max-age=604800"
    assert (opened(content).format, opened(content).size) == ("JPEG", size)


def test_preview_of_a_transparent_image_is_transparent(editor, add_image):
    image = photo(size=(320, 240)).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 100, 100))
    asset = add_image("cutout.png", content=encoded(image, "PNG"), is_transparent=True)
    response, content = fetch(editor, asset)
    assert response["Content-Type"] == "image/webp"
    assert opened(content).getchannel("A").getpixel((10, 10)) == 0
    assert "hashing-preview--transparent" in editor.get(address("changelist")).text


def test_preview_is_of_the_row_in_its_address(editor, add_image):
    assets = [add_image(f"{side}.png", content=encoded(photo(size=(side, 40)), "PNG")) for side in (40, 80, 60)]
    assert [opened(fetch(editor, asset)[1]).width for asset in assets] == [40, 80, 60]


def test_preview_is_small_in_the_list_and_large_in_the_form(editor, add_image):
    asset = add_image()
    for page, side, size in (("changelist", 160, "small"), ("change", 640, "large")):
        text = editor.get(address(page, *([asset.pk] if page == "change" else []))).text
        [(source, kind)] = re.findall(r'<img src="([^"]*)" [^>]* class="hashing-preview hashing-preview--(\w+)"', text)
        assert (source.partition("?")[0], kind) == (address("preview", asset.pk, side), size)


def test_preview_of_a_hidden_row_is_not_found(editor, add_image, monkeypatch):
    shown, hidden = add_image("shown.jpg"), add_image("hidden.jpg")
    show_all = ImageAssetAdmin.get_queryset
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(pk=hidden.pk))
    assert [fetch(editor, asset)[0].status_code for asset in (shown, hidden)] == [200, 404]


@pytest.mark.parametrize("row", [{"image": ""}, {"image": "a.jpg", "hash_error": "broken"}])
def test_row_without_a_readable_file_has_no_preview(editor, db, row):
    ImageAsset.objects.bulk_create([ImageAsset(**row)])
    assert '<span class="hashing-no-preview">no preview</span>' in editor.get(address("changelist")).text


def test_preview_is_in_colour(editor, add_image):
    asset = add_image(content=encoded(Image.new("RGB", (640, 480), (200, 30, 60)), "JPEG"))
    red, green, blue = opened(fetch(editor, asset)[1]).getpixel((80, 60))
    assert red > 2 * max(green, blue)


@pytest.mark.parametrize("fact", [{"perceptual_hash": "f" * 16}, {"file_size": 12345}, {"file_version": 1}])
def test_preview_is_replaced_after_a_new_hash_size_or_version(editor, add_image, media, fact):
    asset = add_image(perceptual_hash="0" * 16, file_size=1)
    first = fetch(editor, asset)[1]
    photo(seed=2, size=(160, 120)).save(media / "photo.jpg")
    assert fetch(editor, asset)[1] == first
    ImageAsset.objects.filter(pk=asset.pk).update(**fact)
    assert fetch(editor, asset)[1] != first
    assert len(previews(media)) == 1


def test_preview_is_upright(editor, add_image):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    asset = add_image(content=encoded(photo(size=(320, 240)), "JPEG", exif=exif))
    assert opened(fetch(editor, asset)[1]).size == (120, 160)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "LAB"])
def test_every_mode_can_be_shown(editor, add_image, mode):
    made = Image.new("I;16", (40, 30)) if mode == "I;16" else Image.new("RGB", (40, 30), "red").convert("RGB")
    if mode == "LAB":
        made = Image.new("LAB", (40, 30))
    elif mode != "I;16":
        made = made.convert("RGBA" if mode == "LA" else mode).convert(mode)
    asset = add_image("mode.tif", content=encoded(made, "TIFF"))
    assert opened(fetch(editor, asset)[1]).mode == "RGB"


def test_preview_is_made_once(editor, add_image, media):
    asset = add_image()
    first = fetch(editor, asset)[1]
    (media / "photo.jpg").unlink()
    assert fetch(editor, asset)[1] == first
    assert len(previews(media)) == 1


def test_deleted_preview_is_made_again(editor, add_image, media):
    asset = add_image()
    first = fetch(editor, asset)[1]
    for path in previews(media):
        path.unlink()
    assert fetch(editor, asset)[1] == first


def test_preview_is_replaced_after_a_new_file(editor, add_image, media):
    asset = add_image(seed=1)
    first = fetch(editor, asset)[1]
    photo(seed=2, size=(160, 120)).save(media / "new.jpg")
    asset.image = "new.jpg"
    asset.save()
    assert fetch(editor, asset)[1] != first


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SVG, id="svg"),
        pytest.param(HTML, id="html"),
        pytest.param(EPS, id="eps"),
        pytest.param(bomb(), id="bomb"),
        pytest.param(b"", id="empty"),
        pytest.param(None, id="missing"),
        pytest.param(encoded(photo(), "JPEG")[:3000], id="truncated"),
    ],
)
def test_hostile_or_broken_file_gets_a_placeholder(editor, add_image, media, content):
    asset = add_image(content=content)
    response, shown = fetch(editor, asset)
    assert response.status_code == 200
    assert b"script" not in shown
    assert shown.startswith(b"<svg")
    assert response["Cache-Control"] == "private, max-age=60"
    assert response["Content-Security-Policy"] == "default-src 'none'"
    assert not (media / FOLDER).exists()
    assert editor.get(address("changelist")).status_code == 200
    assert editor.get(address("change", asset.pk)).status_code == 200


def test_repaired_file_replaces_the_placeholder(editor, add_image, media):
    asset = add_image(content=b"")
    assert fetch(editor, asset)[0]["Content-Type"] == "image/svg+xml"
    photo(size=(160, 120)).save(media / "photo.jpg")
    assert fetch(editor, asset)[0]["Content-Type"] == "image/jpeg"


def test_name_outside_the_storage_gets_a_placeholder(editor, db, media):
    asset = ImageAsset.objects.create(image="../../etc/passwd")
    assert fetch(editor, asset)[1].startswith(b"<svg")


def test_image_above_the_pixel_limit_gets_a_placeholder(editor, add_image, settings):
    settings.HASHING = {"MAX_PIXELS": 100}
    assert fetch(editor, add_image())[0]["Content-Type"] == "image/svg+xml"


def test_other_sizes_are_not_found(editor, add_image):
    assert fetch(editor, add_image(), side=4000)[0].status_code == 404


def test_list_requests_no_preview_of_a_failed_row(editor, add_image):
    asset = add_image(content=b"", hash_error="the file is empty")
    assert address("preview", asset.pk, 160) not in editor.get(address("changelist")).text
