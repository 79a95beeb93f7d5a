from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from hashing.admin.deletion import views
from hashing.models import ImageAsset
from tests.admin.conftest import fields_of, messages_of
from tests.admin.deletion.conftest import LIST, delete, files, mark
from tests.grouping.conftest import add_hashed, group_all, stored_groups  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def test_list_shows_each_duplicate_with_its_keeper(superuser, marked):
    page = superuser.get(LIST)
    assert [row.pk for row in page.context["cl"].result_list] == [marked[2].pk, marked[1].pk]
    assert f'<a href="/admin/hashing/imageasset/{marked[0].pk}/change/"><bdi>0.jpg</bdi></a>' in page.text


def test_list_shows_the_keeper_of_the_latest_decision(superuser, marked):
    mark(marked[1], marked[2])
    [row, _other] = superuser.get(LIST).context["cl"].result_list
    assert (row.pk, row.kept_pk, row.kept_name) == (marked[2].pk, marked[1].pk, "1.jpg")


def test_list_needs_few_queries(superuser, marked, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        superuser.get(LIST)


def test_confirmed_deletion_deletes_rows_and_files(superuser, marked, media):
    page = delete(superuser, marked[1])
    assert "Successfully deleted 1 marked duplicate." in messages_of(page)
    assert files(media) == ["0.jpg", "2.jpg"]
    assert stored_groups() == {marked[0].pk: {marked[0].pk, marked[2].pk}}


def test_nothing_is_deleted_before_confirmation(superuser, marked, media):
    page = delete(superuser, marked[1], marked[2], confirmed=False)
    assert "files of these images are deleted" in page.text
    assert "Used by" not in page.text
    # What is only kept about the picture is not listed.
    assert "Decision on a pair" not in page.text
    assert "Picture of a group" not in page.text
    assert "1.jpg" in page.text
    assert superuser.get(LIST).status_code == 200
    assert (ImageAsset.objects.count(), files(media)) == (3, ["0.jpg", "1.jpg", "2.jpg"])


def test_single_image_is_deleted_on_its_own_page(superuser, marked, media):
    address = reverse("admin:hashing_markedduplicate_delete", args=(marked[1].pk,))
    assert "The file of this image is deleted" in superuser.get(address).text
    superuser.post(address, {"post": "yes"})
    assert files(media) == ["0.jpg", "2.jpg"]


def test_more_rows_than_a_form_has_fields(superuser, marked, media, monkeypatch, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
    monkeypatch.setattr(views, "FORECAST_SECONDS", 600)
    monkeypatch.setattr(views, "DELETION_SECONDS", 600)
    rows = ImageAsset.objects.bulk_create(
        ImageAsset(image=f"many/{n}.jpg", perceptual_hash="1" * 16, file_size=n) for n in range(249)
    )
    (media / "many").mkdir()
    for row in rows:
        (media / row.image.name).write_bytes(bytes(row.file_size))
    mark(marked[0], *rows)
    data = {"action": "delete_selected", "_selected_action": [rows[0].pk], "select_across": 1}
    page = superuser.post(LIST, data)
    assert "251 images will be deleted" in page.text
    page = superuser.post(LIST, fields_of(page), follow=True)
    assert messages_of(page) == ["Successfully deleted 251 marked duplicates."]
    assert ImageAsset.objects.count() == 1
    assert [path.name for path in media.rglob("*.jpg")] == ["0.jpg"]


@pytest.mark.parametrize(
    ("permissions", "deletes"),
    [
        ([], False),
        (["view_imageasset", "change_imageasset", "delete_imageasset", "view_markedduplicate"], False),
        (["view_markedduplicate", "delete_markedduplicate"], False),
        (["view_imageasset", "view_markedduplicate", "delete_markedduplicate"], True),
    ],
)
def test_marked_duplicates_have_their_own_delete_permission(client_of, marked, permissions, deletes):
    client = client_of("staff")
    User.objects.get(username="staff").user_permissions.set(Permission.objects.filter(codename__in=permissions))
    delete(client, marked[1])
    assert ImageAsset.objects.filter(pk=marked[1].pk).exists() != deletes
