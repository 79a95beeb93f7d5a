"""The Python examples of docs/how-to/ that no other test runs work."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIRequestFactory

from hashing.models import ImageAsset
from samples.pictures import encoded, photo
from tests.site_models.models import Photo, archive
from tests.test_docs import snippets

pytestmark = pytest.mark.any_database


def run_all(page, *starts, **names):
    """Run snippets of a page, one after the other, and return their names."""
    names["__name__"] = __name__
    for code in snippets(page, *starts):
        exec(compile(code, page, "exec"), names)
    return names


def an_upload():
    return SimpleUploadedFile("new.jpg", encoded(photo(size=(160, 120)), "JPEG"))


def test_upload_form_asks(hashed_photo):
    hashed_photo("here")
    form = run_all("how-to/upload-forms.md", "from django import forms", Photo=Photo)["PhotoForm"]
    assert list(form({"title": "new"}, {"original": an_upload()}).errors) == ["original"]


def test_class_for_the_admin_asks(hashed_photo, rf):
    hashed_photo("here")
    request = rf.get("/")
    request.user = User(is_active=True, is_superuser=True)
    try:
        names = run_all("how-to/upload-forms.md", "from django.contrib import admin", Photo=Photo)
        form = names["PhotoAdmin"](Photo, admin.site).get_form(request)
    finally:
        admin.site.unregister(Photo)
    assert "original" in form({}, {"original": an_upload()}).errors
    assert "original" not in form({"confirm_similar_picture": "on"}, {"original": an_upload()}).errors


def test_viewset_searches_and_its_serializer_refuses(hashed_photo):
    here = hashed_photo("here")
    names = run_all("how-to/rest-framework.md", "from rest_framework import", Photo=Photo)
    assert not names["PhotoSerializer"](data={"title": "new", "original": an_upload()}).is_valid()
    request = APIRequestFactory().post("/photos/similar/", {"picture": an_upload()})
    request.user = User(is_superuser=True)
    view = names["PhotoViewSet"].as_view({"post": "similar_to_picture"}, permission_classes=[])
    assert [found["row"]["id"] for found in view(request).data] == [str(here.pk)]


def test_class_for_filer_finds_the_storage_of_the_row(hashed_photo, register_source, monkeypatch):
    """With a model whose rows choose the storage, as those of filer do."""
    [code] = snippets("how-to/filer.md", "# media/image_sources.py")
    hashed_photo("here")
    monkeypatch.setattr(Photo, "file", SimpleNamespace(storage=archive), raising=False)
    monkeypatch.setattr("hashing.sources.register", register_source)
    exec(code.replace("filer.Image.file", "site_models.Photo.original"), {"__name__": __name__})
    assert ImageAsset.objects.get().image.storage is archive
