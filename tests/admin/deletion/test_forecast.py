"""The confirmation of a deletion: what goes, what stays instead, and what it frees."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import models
from django.template.defaultfilters import filesizeformat

from hashing.admin.deletion import forecast, views
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import ImageAsset, PairDecision
from tests.admin.conftest import address
from tests.admin.deletion.conftest import delete, mark
from tests.grouping.conftest import add_hashed, group_all, stored_groups  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


def confirmation(client, *rows):
    return delete(client, *rows, confirmed=False)


def test_each_image_is_shown_beside_the_one_that_stays(superuser, marked):
    page = confirmation(superuser, *marked[1:])
    for row in marked:
        assert f"/imageasset/{row.pk}/preview/160/" in page.text
    assert page.text.count("decided by <bdi>superuser</bdi>") == 2
    assert page.text.count("The one that stays: most pixels.") == 2


def test_the_end_of_the_chain_stays_although_the_next_image_goes_as_well(superuser, marked):
    PairDecision.objects.filter(duplicate=marked[2]).delete()
    mark(marked[1], marked[2])
    pictures = confirmation(superuser, *marked[1:]).context["pictures"]
    assert [(picture.asset.pk, picture.kept.asset) for picture in pictures] == [
        (marked[1].pk, marked[0]),
        (marked[2].pk, marked[0]),
    ]


def test_bytes_of_unused_files_are_freed(superuser, marked):
    size = ImageAsset.objects.get(pk=marked[1].pk).file_size
    page = confirmation(superuser, *marked[1:])
    assert page.context["forecast"].freed == 2 * size
    assert filesizeformat(2 * size) in page.text
    ImageAsset.objects.bulk_create([ImageAsset(image="1.jpg")])
    assert confirmation(superuser, *marked[1:]).context["forecast"].freed == size


def test_only_the_first_images_are_shown(superuser, marked, monkeypatch):
    monkeypatch.setattr(forecast, "MAX_PICTURES", 1)
    page = confirmation(superuser, *marked[1:])
    assert len(page.context["pictures"]) == 1
    assert "and 1 more" in page.text


def test_freed_bytes_are_estimated_where_not_all_images_were_checked(superuser, marked, monkeypatch):
    monkeypatch.setattr(views, "BATCH", 1)
    monkeypatch.setattr(views, "FORECAST_SECONDS", 0.0)
    size = ImageAsset.objects.get(pk=marked[1].pk).file_size
    page = confirmation(superuser, *marked[1:])
    assert "The first 1 of them were checked" in page.text
    assert page.context["forecast"].freed == 2 * size


def test_images_outside_the_marked_duplicates_are_shown_alone(superuser, marked):
    page = superuser.get(address("delete", marked[0].pk))
    assert f"/imageasset/{marked[0].pk}/preview/160/" in page.text
    assert page.context["pictures"][0].kept is None
    assert (page.context["forecast"].freed, "Stays" in page.text) == (0, False)


def test_references_that_are_emptied_are_counted(superuser, marked, made_model):
    foreign_key = models.ForeignKey(ImageAsset, on_delete=models.SET_NULL, null=True, related_name="+")
    note = made_model("Note", {"image": foreign_key})
    note.objects.create(image_id=marked[1].pk)
    page = confirmation(superuser, marked[1])
    assert page.context["report"].cleared == {"notes": 1}
    assert "no longer refers to them" in page.text


def test_hidden_image_at_the_end_of_the_chain_is_not_shown(superuser, marked, monkeypatch):
    PairDecision.objects.filter(duplicate=marked[2]).delete()
    mark(marked[1], marked[2])
    show_all = ImageAssetAdmin.get_queryset
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(pk=marked[0].pk))
    page = confirmation(superuser, marked[2])
    assert page.context["pictures"][0].kept.asset.pk == marked[1].pk
    assert f"/imageasset/{marked[0].pk}/" not in page.text


def test_many_pictures_need_few_queries(superuser, marked, add_image, django_assert_max_num_queries):
    rows = [add_image(f"more-{n}.jpg", perceptual_hash="1" * 16, file_size=1) for n in range(20)]
    mark(marked[0], *rows)
    with django_assert_max_num_queries(60):
        page = confirmation(superuser, *marked[1:], *rows)
    assert len(page.context["pictures"]) == forecast.MAX_PICTURES


def test_nobody_sees_the_confirmation_without_the_permission(client_of, marked):
    client = client_of("staff")
    names = ["view_imageasset", "view_markedduplicate"]
    User.objects.get(username="staff").user_permissions.set(Permission.objects.filter(codename__in=names))
    assert "pictures" not in (confirmation(client, marked[1]).context or {})
