from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from hashing.db.table_size import clear_estimates
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_perceptual_hash
from samples.pictures import encoded
from tests.admin.conftest import address, messages_of
from tests.admin.images.conftest import HASH, jpeg, upload
from tests.models.test_image_file import ODD_NAMES

pytestmark = pytest.mark.any_database


def test_list_shows_the_hash_the_size_and_the_error(editor, rows):
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
    # The first call caches the size of the table, for a minute.
    clear_estimates()
    count_queries()
    few = count_queries()
    add(40)
    assert count_queries() == few <= 12


def test_list_shows_previews_instead_of_originals(editor, add_image):
    asset = add_image(perceptual_hash=HASH)
    text = editor.get(address("changelist")).text
    assert f'src="{address("preview", asset.pk, 160)}?v=' in text
    assert f'src="{asset.image.url}' not in text


def test_summary_counts_rows_by_state(editor, rows):
    summary = editor.get(address("changelist")).context["summary"]
    assert (summary.total, summary.hashed, summary.waiting, summary.failed) == (3, 1, 1, 1)
    assert summary.percent == 33


def test_summary_of_an_empty_table(editor, db):
    response = editor.get(address("changelist"))
    assert response.context["summary"].percent == 100
    assert "nothing hashed yet" in response.text


@pytest.mark.django_db(transaction=True)
def test_upload_is_hashed(superuser, media):
    response = upload(superuser, jpeg())
    assert response.status_code == 200
    asset = ImageAsset.objects.get()
    assert asset.perceptual_hash == compute_perceptual_hash(asset.image.path)
    assert len(messages_of(response)) == 1


@pytest.mark.django_db(transaction=True)
def test_replacing_the_file_replaces_the_hash(superuser, media):
    upload(superuser, jpeg(seed=1))
    asset = ImageAsset.objects.get()
    data = {"image": SimpleUploadedFile("new.jpg", jpeg(seed=2))}
    superuser.post(address("change", asset.pk), data)
    assert ImageAsset.objects.get().perceptual_hash not in {None, asset.perceptual_hash}


@pytest.mark.django_db(transaction=True)
def test_saving_without_a_new_file_adds_no_message_about_hashes(superuser, media):
    upload(superuser, jpeg())
    upload(superuser, jpeg())
    asset = ImageAsset.objects.first()
    assert len(messages_of(superuser.post(address("change", asset.pk), {}, follow=True))) == 1


@pytest.mark.django_db(transaction=True)
def test_large_image_is_accepted(superuser, media):
    content = encoded(Image.new("RGB", (4200, 4000), "teal"), "BMP")
    assert len(content) > 50_000_000
    upload(superuser, content, "large.bmp")
    asset = ImageAsset.objects.get()
    assert (asset.width, asset.hash_error) == (4200, "")
    preview = superuser.get(address("preview", asset.pk, 160))
    assert Image.open(io.BytesIO(preview.content)).size == (160, 152)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ['"><img src=x onerror=alert(1)>.jpg', "<b>bold</b>.jpg", "a" * 300 + ".jpg", "..jpg"])
def test_odd_name_is_stored_and_shown_safely(superuser, media, name):
    response = upload(superuser, jpeg(), name)
    assert response.status_code == 200
    assert "<img src=x" not in response.text
    assert "<b>bold" not in response.text
    for asset in ImageAsset.objects.all():
        assert superuser.get(address("change", asset.pk)).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("filename", ODD_NAMES)
def test_any_name_is_stored_or_refused_with_a_message(superuser, media, filename):
    # As a hostile client may send it, in any bytes.
    quoted = filename.replace("\\", "\\\\").replace('"', "%22").encode(errors="surrogatepass")
    head = b'--edge\r\nContent-Disposition: form-data; name="image"; filename="%b"\r\n' % quoted
    body = head + b"Content-Type: image/jpeg\r\n\r\n" + jpeg() + b"\r\n--edge--\r\n"
    response = superuser.generic("POST", address("add"), body, "multipart/form-data; boundary=edge")
    assert response.status_code in {200, 302}
    assert (response.status_code == 302) == ImageAsset.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_hash_fields_are_read_only(superuser, media):
    upload(superuser, jpeg())
    asset = ImageAsset.objects.get()
    text = superuser.get(address("change", asset.pk)).text
    for fact in (asset.perceptual_hash, asset.vertical_hash, address("preview", asset.pk, 640)):
        assert fact in text
    superuser.post(address("change", asset.pk), {"perceptual_hash": "0" * 16, "hash_error": "x"})
    after = ImageAsset.objects.get()
    assert (after.perceptual_hash, after.hash_error) == (asset.perceptual_hash, "")
