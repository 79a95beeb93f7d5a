from __future__ import annotations

import pytest
from django import forms
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from hashing.models import ImageAsset
from hashing.models.image_file import MAX_NAME_BYTES, AssetImage, is_upload, upload_path
from samples.pictures import encoded, waves

pytestmark = pytest.mark.any_database

PICTURE = encoded(waves(), "PNG")
ODD_NAMES = [
    pytest.param("写" * 84 + ".jpg", id="256 bytes in 88 characters"),
    pytest.param("x" * 600 + ".jpg", id="600 characters"),
    pytest.param("a." + "y" * 300, id="long suffix"),
    pytest.param("." * 300 + ".jpg", id="300 dots"),
    pytest.param("a\0b.jpg", id="NUL"),
    pytest.param("a\nb\x1b[31m\x85.jpg", id="control characters"),
    pytest.param("...", id="only dots"),
    pytest.param("..", id="parent"),
    pytest.param("???", id="nothing left"),
    pytest.param(" .jpg", id="only a suffix"),
    pytest.param("CON.jpg", id="Windows device"),
    pytest.param("nul.tar.jpg", id="Windows device with two suffixes"),
    pytest.param("a\u202egpj.jpg", id="right-to-left override"),
    pytest.param("\udcff.jpg", id="not valid Unicode"),
    pytest.param("\ud800\ud800", id="surrogates alone"),
    pytest.param("/etc/x.jpg", id="absolute path"),
    pytest.param("../../x.jpg", id="path upwards"),
    pytest.param("C:\\pictures\\x.jpg", id="Windows path"),
]


def name_of(filename: str) -> str:
    return upload_path(None, filename).rpartition("/")[2]


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("beach.jpg", "beach.jpg"),
        ("Straße 写真.JPG", "Straße_写真.JPG"),
        ("archive.tar.jpg", "archive.tar.jpg"),
        ("C:\\pictures\\x.jpg", "x.jpg"),
        ("../../x.jpg", "x.jpg"),
        (".jpg", "image.jpg"),
        ("...", "image"),
        ("Con.jpg", "image-Con.jpg"),
        ("console.jpg", "console.jpg"),
        ("写" * 84 + ".jpg", "写" * 43 + ".jpg"),
    ],
)
def test_name_changes_only_where_a_file_system_needs_it(filename, name):
    assert name_of(filename) == name


@given(st.text(max_size=300))
def test_any_name_becomes_valid_on_every_file_system(filename):
    name = name_of(filename)
    assert 0 < len(name.encode()) <= MAX_NAME_BYTES
    assert name.isprintable()
    assert not name.startswith(".")
    assert InMemoryStorage().generate_filename(name) == name


@pytest.mark.django_db
@pytest.mark.parametrize("filename", ODD_NAMES)
def test_file_of_any_name_can_be_stored_twice(media, filename):
    for _ in range(2):
        asset = ImageAsset.objects.create(image=ContentFile(PICTURE, name=filename))
        asset.refresh_from_db()
        assert asset.image.storage.exists(asset.image.name)
        assert len(asset.image.name) <= ImageAsset.image.field.max_length
    assert len({path for path in media.rglob("*") if path.is_file()}) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("filename", ODD_NAMES)
def test_model_form_stores_the_file_or_reports_an_error(media, filename):
    class Upload(forms.ModelForm):
        class Meta:
            model = ImageAsset
            fields = ["image"]

    try:
        file = SimpleUploadedFile(filename, PICTURE)
    except SuspiciousFileOperation:
        return  # Django itself takes no upload of this name.
    form = Upload({}, {"image": file})
    if form.is_valid():
        form.save()
    assert bool(form.errors) != ImageAsset.objects.exists()


@pytest.mark.django_db
def test_assigned_file_is_an_upload_until_it_is_stored(media):
    asset = ImageAsset(image="stored.jpg")
    assert not is_upload(asset.image)
    asset.image = ContentFile(PICTURE, "new.png")
    assert is_upload(asset.image)
    asset.save()
    assert not is_upload(asset.image)
    assert not is_upload(ImageAsset().image)


def test_value_of_the_field_is_a_file_of_the_app():
    asset = ImageAsset(image="stored.jpg")
    assert type(asset.image) is AssetImage
    asset.image = ContentFile(PICTURE, "new.png")
    assert type(asset.image) is AssetImage
