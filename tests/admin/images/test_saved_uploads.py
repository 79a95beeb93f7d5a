from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.forms import ModelForm
from django.urls import reverse

from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import ImageAsset
from samples.pictures import blank, encoded, photo
from tests.admin.conftest import address, messages_of
from tests.admin.images.conftest import jpeg, upload


@pytest.fixture
def unasked(monkeypatch):
    """A site whose form of an image asks no question."""
    monkeypatch.setattr(ImageAssetAdmin, "form", ModelForm)


@pytest.mark.django_db(transaction=True)
def test_upload_message_links_to_the_same_images(unasked, superuser, media):
    upload(superuser, jpeg())
    first = ImageAsset.objects.get()
    [_added, same] = messages_of(upload(superuser, jpeg(), "copy.jpg"))
    assert same.startswith("The same image seems to be here already:")
    assert f'href="{address("change", first.pk)}"' in same
    group = reverse("admin:hashing_duplicategroup_of", args=(ImageAsset.objects.last().pk,))
    assert f'<a href="{group}">review them</a>' in same


@pytest.mark.django_db(transaction=True)
def test_upload_message_links_to_similar_images_for_users_who_may_not_see_groups(unasked, client_of, media):
    client = client_of("staff")
    rights = Permission.objects.filter(codename__in=["add_imageasset", "view_imageasset"])
    User.objects.get().user_permissions.set(rights)
    upload(client, jpeg())
    [_added, same] = messages_of(upload(client, jpeg(), "copy.jpg"))
    assert f'<a href="{address("find_similar", ImageAsset.objects.last().pk)}">show them</a>' in same


@pytest.mark.django_db(transaction=True)
def test_upload_message_names_at_most_five_images(unasked, superuser, media):
    upload(superuser, jpeg())
    asset = ImageAsset.objects.get()
    copies = [ImageAsset(image=f"{n}.jpg") for n in range(9)]
    for copy in copies:
        copy.file_digest = asset.file_digest
    ImageAsset.objects.bulk_create(copies)
    same = messages_of(upload(superuser, jpeg(), "copy.jpg"))[1]
    assert (same.count("/change/"), "and more" in same) == (5, True)


@pytest.mark.django_db(transaction=True)
def test_blank_pages_are_not_reported_as_the_same(superuser, media):
    upload(superuser, encoded(blank(size=(160, 120)), "PNG"), "a.png")
    messages = messages_of(upload(superuser, encoded(blank(size=(320, 240)), "PNG"), "b.png"))
    assert not any("seems to be here" in text for text in messages)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "content", [encoded(blank(size=(160, 120)), "PNG"), encoded(photo(size=(640, 480)), "JPEG")[:5000]]
)
def test_identical_files_are_reported_as_the_same(unasked, superuser, media, content):
    upload(superuser, content, "a.jpg")
    assert "seems to be here already" in messages_of(upload(superuser, content, "b.jpg"))[-1]


@pytest.mark.django_db(transaction=True)
def test_truncated_image_is_stored_with_a_message(superuser, media):
    response = upload(superuser, encoded(photo(size=(640, 480)), "JPEG")[:5000])
    asset = ImageAsset.objects.get()
    assert "truncated" in asset.hash_error
    message = "The image is saved, but its file cannot be decoded (image file is truncated (14 bytes not processed))"
    assert messages_of(response)[1].startswith(message.partition(" (14")[0])
    assert messages_of(response)[1].endswith("it has no preview, and only identical files are found.")


@pytest.mark.django_db(transaction=True)
def test_file_that_cannot_be_decoded_is_told_before_it_is_hashed(superuser, media, settings):
    settings.HASHING = {"ON_UPLOAD": "off"}
    response = upload(superuser, encoded(photo(size=(640, 480)), "JPEG")[:5000])
    assert "cannot be decoded" in messages_of(response)[1]


@pytest.mark.django_db(transaction=True)
def test_message_says_that_an_upload_is_hashed_later(superuser, media, settings):
    settings.HASHING = {"ON_UPLOAD": "off"}
    assert messages_of(upload(superuser, jpeg()))[1] == "The image will be hashed later."
