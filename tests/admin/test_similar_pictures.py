from __future__ import annotations

import re

import pytest
from django import forms
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from hashing.forms import SimilarPictureMixin
from samples.pictures import encoded, photo
from tests.admin.conftest import messages_of
from tests.admin.photo_site import PhotoAdmin
from tests.site_models.models import Photo

CHECKBOX = "confirm_similar_picture"
ADD = "/admin/site_models/photo/add/"


class WarningForm(SimilarPictureMixin, forms.ModelForm):
    similar_picture_action = "warn"


@pytest.fixture(autouse=True)
def urls(settings):
    settings.ROOT_URLCONF = "tests.admin.photo_site"


def upload(client, address=ADD, **data):
    file = SimpleUploadedFile("new.jpg", encoded(photo(size=(160, 120)), "JPEG", quality=80))
    return client.post(address, {"title": "new", "original": file, **data}, follow=True)


def type_of_checkbox(page):
    return re.search(f'<input type="(\\w+)" name="{CHECKBOX}"', page.text)[1]


def test_a_picture_that_is_here_is_named_linked_and_saved_after_a_tick(superuser, hashed_photo):
    here = hashed_photo("here")
    assert type_of_checkbox(superuser.get(ADD)) == "hidden"
    page = upload(superuser)
    link = f'<a href="{reverse("admin:site_models_photo_change", args=[here.pk])}">'
    assert f"The same picture seems to be here already: {link}" in page.text
    assert type_of_checkbox(page) == "checkbox"
    assert not Photo.objects.filter(title="new").exists()
    assert "was added successfully" in " ".join(messages_of(upload(superuser, **{CHECKBOX: "on"})))
    assert Photo.objects.filter(title="new").exists()


def test_another_picture_is_saved_at_once(superuser, hashed_photo):
    hashed_photo("here", encoded(photo(seed=2), "JPEG"))
    upload(superuser)
    assert Photo.objects.filter(title="new").exists()


def test_only_rows_that_the_admin_shows_are_found(superuser, hashed_photo):
    hashed_photo("of another tenant")
    upload(superuser)
    assert Photo.objects.filter(title="new").exists()


def test_a_row_is_not_compared_with_itself(superuser, hashed_photo):
    here = hashed_photo("here")
    upload(superuser, reverse("admin:site_models_photo_change", args=[here.pk]))
    assert Photo.objects.get().title == "new"


def test_checkbox_is_below_the_picture(superuser, hashed_photo):
    hashed_photo()
    page = superuser.get(ADD)
    assert page.context["adminform"].fieldsets[1][1]["fields"] == [("original", "deleted"), CHECKBOX]
    assert PhotoAdmin.fieldsets[1][1]["fields"] == [("original", "deleted")]


def test_form_that_lists_the_checkbox_has_it_once(superuser, hashed_photo, monkeypatch):
    hashed_photo()
    monkeypatch.setattr(PhotoAdmin, "fieldsets", [(None, {"fields": [CHECKBOX, "title", "original"]})])
    page = superuser.get(ADD)
    assert page.context["adminform"].fieldsets[0][1]["fields"] == ["title", "original", CHECKBOX]


def test_who_may_only_view_has_no_checkbox(client_of, hashed_photo, django_user_model):
    here, client = hashed_photo("here"), client_of("viewer")
    user = django_user_model.objects.get()
    user.user_permissions.add(Permission.objects.get(codename="view_photo"))
    page = client.get(reverse("admin:site_models_photo_change", args=[here.pk]))
    assert page.status_code == 200
    assert CHECKBOX not in page.text


def test_form_that_warns_saves_and_shows_the_message(superuser, hashed_photo, monkeypatch):
    hashed_photo("here")
    monkeypatch.setattr(PhotoAdmin, "form", WarningForm)
    assert CHECKBOX not in superuser.get(ADD).text
    page = upload(superuser)
    assert Photo.objects.filter(title="new").exists()
    assert any("The same picture seems to be here already" in message for message in messages_of(page))


def test_model_that_is_no_source_has_a_form_as_ever(superuser, sources):
    sources()
    assert CHECKBOX not in superuser.get(ADD).text
    upload(superuser)
    assert Photo.objects.filter(title="new").exists()
