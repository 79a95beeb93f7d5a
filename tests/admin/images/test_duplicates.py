from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.forms import ModelForm
from django.urls import reverse

from hashing.admin.images import duplicates
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from samples.pictures import blank, encoded, photo
from tests.admin.conftest import address, messages_of
from tests.admin.images.conftest import jpeg, upload
from tests.grouping.conftest import add_hashed, group_all  # noqa: F401


@pytest.fixture
def unasked(monkeypatch):
    """A site whose form of an image asks no question."""
    monkeypatch.setattr(ImageAssetAdmin, "form", ModelForm)


@pytest.fixture
def three_groups(add_hashed, group_all):  # noqa: F811
    rows = [add_hashed(picture) for picture in (0, 0, 0, 1, 1, 2, 2, 3)]
    group_all()
    DuplicateGroup.objects.filter(keeper=rows[5].pk).update(open_count=0)
    return rows


def test_list_links_to_the_open_groups(superuser, three_groups, monkeypatch):
    page = superuser.get(address("changelist")).text
    assert "2 groups of duplicates to review" in page
    assert reverse("admin:hashing_duplicategroup_changelist") in page
    monkeypatch.setattr(duplicates, "MAX_COUNTED", 1)
    assert "over 1 groups of duplicates to review" in superuser.get(address("changelist")).text


def test_form_links_to_the_group_of_the_image(superuser, three_groups):
    page = superuser.get(address("change", three_groups[1].pk)).text
    group_page = reverse("admin:hashing_duplicategroup_of", args=(three_groups[1].pk,))
    assert f'<a href="{group_page}">2 other images seem to be the same</a>' in page
    assert superuser.get(group_page, follow=True).status_code == 200
    assert "seem" not in superuser.get(address("change", three_groups[-1].pk)).text


def test_groups_are_linked_only_for_users_who_may_see_them(editor, three_groups):
    assert "to review" not in editor.get(address("changelist")).text
    assert "seem to be" not in editor.get(address("change", three_groups[1].pk)).text
    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_duplicategroup"))
    assert "to review" in editor.get(address("changelist")).text


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


def test_form_links_to_the_images_that_belong_together_with_it(superuser, rows):
    lower, higher = sorted((rows["hashed"], rows["waiting"]), key=lambda asset: asset.pk)
    files = {"lower_file": lower.image.name, "higher_file": higher.image.name, "batch": "0" * 32}
    decision = PairDecision.objects.create(lower=lower, higher=higher, verdict="related", **files)
    for asset, other in ((lower, higher), (higher, lower)):
        page = superuser.get(address("change", asset.pk)).text
        assert f'<a href="{address("change", other.pk)}"><bdi>{other}</bdi></a>' in page
    decision.delete()
    assert str(higher) not in superuser.get(address("change", lower.pk)).text


def test_images_that_belong_together_are_named_for_users_who_may_see_groups(editor, rows):
    lower, higher = sorted((rows["hashed"], rows["waiting"]), key=lambda asset: asset.pk)
    files = {"lower_file": lower.image.name, "higher_file": higher.image.name, "batch": "0" * 32}
    PairDecision.objects.create(lower=lower, higher=higher, verdict="related", **files)
    assert str(higher) not in editor.get(address("change", lower.pk)).text
