from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_perceptual_hash
from samples.pictures import blank, encoded, photo
from tests.admin.conftest import address, messages_of
from tests.admin.test_previews import EPS, HTML, SVG, bomb
from tests.models.test_image_file import ODD_NAMES

pytestmark = pytest.mark.django_db(transaction=True)


def upload(client, content: bytes, name: str = "photo.jpg"):
    return client.post(address("add"), {"image": SimpleUploadedFile(name, content)}, follow=True)


def jpeg(seed: int = 1) -> bytes:
    return encoded(photo(seed=seed, size=(160, 120)), "JPEG")


def test_upload_is_hashed(superuser, media):
    response = upload(superuser, jpeg())
    assert response.status_code == 200
    asset = ImageAsset.objects.get()
    assert asset.perceptual_hash == compute_perceptual_hash(asset.image.path)
    assert len(messages_of(response)) == 1


def test_upload_names_the_same_pictures_that_are_here(superuser, media):
    upload(superuser, jpeg())
    first = ImageAsset.objects.get()
    [_added, same] = messages_of(upload(superuser, jpeg(), "copy.jpg"))
    assert same.startswith("The same image seems to be here already:")
    assert f'href="{address("change", first.pk)}"' in same
    group = reverse("admin:hashing_duplicategroup_of", args=(ImageAsset.objects.last().pk,))
    assert f'<a href="{group}">review them</a>' in same


def test_upload_leads_to_what_is_similar_where_groups_are_not_for_everybody(client_of, media):
    client = client_of("staff")
    rights = Permission.objects.filter(codename__in=["add_imageasset", "view_imageasset"])
    User.objects.get().user_permissions.set(rights)
    upload(client, jpeg())
    [_added, same] = messages_of(upload(client, jpeg(), "copy.jpg"))
    assert f'<a href="{address("find_similar", ImageAsset.objects.last().pk)}">show them</a>' in same


def test_upload_names_a_few_of_many(superuser, media):
    upload(superuser, jpeg())
    asset = ImageAsset.objects.get()
    copies = [ImageAsset(image=f"{n}.jpg") for n in range(9)]
    for copy in copies:
        copy.file_digest = asset.file_digest
    ImageAsset.objects.bulk_create(copies)
    same = messages_of(upload(superuser, jpeg(), "copy.jpg"))[1]
    assert (same.count("/change/"), "and more" in same) == (5, True)


def test_blank_pages_are_not_called_the_same(superuser, media):
    upload(superuser, encoded(blank(size=(160, 120)), "PNG"), "a.png")
    assert len(messages_of(upload(superuser, encoded(blank(size=(320, 240)), "PNG"), "b.png"))) == 1


@pytest.mark.parametrize(
    "content", [encoded(blank(size=(160, 120)), "PNG"), encoded(photo(size=(640, 480)), "JPEG")[:5000]]
)
def test_equal_files_are_called_the_same_whatever_they_show(superuser, media, content):
    upload(superuser, content, "a.jpg")
    assert "seems to be here already" in messages_of(upload(superuser, content, "b.jpg"))[-1]


def test_replacing_the_file_replaces_the_hash(superuser, media):
    upload(superuser, jpeg(seed=1))
    asset = ImageAsset.objects.get()
    data = {"image": SimpleUploadedFile("new.jpg", jpeg(seed=2))}
    superuser.post(address("change", asset.pk), data)
    assert ImageAsset.objects.get().perceptual_hash not in {None, asset.perceptual_hash}


def test_saving_without_a_new_file_says_nothing_of_hashes(superuser, media):
    upload(superuser, jpeg())
    upload(superuser, jpeg())
    asset = ImageAsset.objects.first()
    assert len(messages_of(superuser.post(address("change", asset.pk), {}, follow=True))) == 1


def test_truncated_picture_is_kept_and_says_why_it_has_no_hash(superuser, media):
    response = upload(superuser, encoded(photo(size=(640, 480)), "JPEG")[:5000])
    asset = ImageAsset.objects.get()
    assert "truncated" in asset.hash_error
    assert "could not be hashed" in messages_of(response)[1]


def test_later_hashing_is_said(superuser, media, settings):
    settings.HASHING = {"ON_UPLOAD": "off"}
    assert messages_of(upload(superuser, jpeg()))[1] == "The image will be hashed later."


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(SVG, "drawing.jpg", id="svg renamed"),
        pytest.param(SVG, "drawing.svg", id="svg"),
        pytest.param(HTML, "page.jpg", id="html renamed"),
        pytest.param(EPS, "print.jpg", id="eps renamed"),
        pytest.param(EPS, "print.eps", id="eps"),
        pytest.param(bomb(), "bomb.bmp", id="bomb"),
        pytest.param(b"", "empty.jpg", id="empty"),
        pytest.param(jpeg(), "photo.html", id="jpeg named html"),
        pytest.param(jpeg(), "photo", id="jpeg without a suffix"),
        pytest.param(b"\x00" * 50_000_000, "large.jpg", id="50 MB of nothing"),
    ],
)
def test_what_is_no_picture_is_refused(superuser, media, content, name):
    response = upload(superuser, content, name)
    assert response.status_code == 200
    assert response.context["errors"]
    assert not ImageAsset.objects.exists()


def test_large_picture_is_taken(superuser, media):
    content = encoded(Image.new("RGB", (4200, 4000), "teal"), "BMP")
    assert len(content) > 50_000_000
    upload(superuser, content, "large.bmp")
    asset = ImageAsset.objects.get()
    assert (asset.width, asset.hash_error) == (4200, "")
    preview = superuser.get(address("preview", asset.pk, 160))
    assert Image.open(io.BytesIO(preview.content)).size == (160, 152)


@pytest.mark.parametrize("name", ['"><img src=x onerror=alert(1)>.jpg', "<b>bold</b>.jpg", "a" * 300 + ".jpg", "..jpg"])
def test_odd_name_is_stored_and_shown_safely(superuser, media, name):
    response = upload(superuser, jpeg(), name)
    assert response.status_code == 200
    assert "<img src=x" not in response.text
    assert "<b>bold" not in response.text
    for asset in ImageAsset.objects.all():
        assert superuser.get(address("change", asset.pk)).status_code == 200


@pytest.mark.parametrize("filename", ODD_NAMES)
def test_any_name_is_stored_or_refused_with_a_message(superuser, media, filename):
    # As a hostile client sends it: quoted, and in whichever bytes it likes.
    quoted = filename.replace("\\", "\\\\").replace('"', "%22").encode(errors="surrogatepass")
    head = b'--edge\r\nContent-Disposition: form-data; name="image"; filename="%b"\r\n' % quoted
    body = head + b"Content-Type: image/jpeg\r\n\r\n" + jpeg() + b"\r\n--edge--\r\n"
    response = superuser.generic("POST", address("add"), body, "multipart/form-data; boundary=edge")
    assert response.status_code in {200, 302}
    assert (response.status_code == 302) == ImageAsset.objects.exists()


def test_a_file_above_the_limit_is_refused(superuser, media, settings):
    content = jpeg()
    settings.HASHING = {"MAX_BYTES": len(content) - 1}
    assert "This file has more than" in upload(superuser, content).text
    assert not ImageAsset.objects.exists()
    settings.HASHING = {"MAX_BYTES": len(content)}
    upload(superuser, content)
    assert ImageAsset.objects.exists()


def test_form_shows_the_facts_and_lets_nobody_change_them(superuser, media):
    upload(superuser, jpeg())
    asset = ImageAsset.objects.get()
    text = superuser.get(address("change", asset.pk)).text
    for fact in (asset.perceptual_hash, asset.vertical_hash, address("preview", asset.pk, 640)):
        assert fact in text
    superuser.post(address("change", asset.pk), {"perceptual_hash": "0" * 16, "hash_error": "x"})
    after = ImageAsset.objects.get()
    assert (after.perceptual_hash, after.hash_error) == (asset.perceptual_hash, "")
