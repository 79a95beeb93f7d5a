"""The examples in docs/reference/python.md work."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.template import Context, Template
from rest_framework.test import APIRequestFactory

from hashing.signals import duplicates_found
from samples.pictures import encoded, photo
from tests.site_models.models import Photo
from tests.test_docs import TEXT, run, snippets

pytestmark = pytest.mark.any_database


def snippet(start):
    return snippets("reference/python.md", start)[0]


def run_in(code, **names):
    names["__name__"] = __name__
    exec(compile(code, "python.md", "exec"), names)
    return names


def an_upload(seed=1):
    return SimpleUploadedFile("new.jpg", encoded(photo(seed=seed, size=(160, 120)), "JPEG"))


def test_similar_rows(hashed_photo):
    first, second = hashed_photo("a"), hashed_photo("b")
    shown = SimpleNamespace(objects=SimpleNamespace(filter=lambda public: Photo.objects.all()))
    assert run(snippet("from hashing import similar_rows"), Photo=shown, photo=first) == [[second]]


def test_signal(hashed_photo, caplog):
    names = run_in(snippet("import logging"))
    with caplog.at_level(logging.INFO, __name__):
        hashed_photo()
        assert caplog.messages == []
        second = hashed_photo()
    assert caplog.messages == [f"{second.original.name} is here already"]
    assert duplicates_found.disconnect(names["log_duplicate"])


def test_form_and_its_view(hashed_photo, rf, monkeypatch):
    hashed_photo()
    told = []
    monkeypatch.setattr(messages, "warning", lambda request, text: told.append(text))
    form = run_in(snippet("from django import forms"), Photo=Photo)["PhotoForm"]
    view = run_in(
        snippet("def upload"),
        PhotoForm=form,
        messages=messages,
        redirect=HttpResponse,
        render=lambda request, template, context: HttpResponse(template),
    )["upload"]
    request = rf.post("/", {"title": "new", "original": an_upload()})
    request.user = User()
    assert view(request).content == b"photos"
    assert told == ["The same picture seems to be here already."]
    request = rf.get("/")
    request.user = User()
    assert view(request).content == b"blog/upload.html"


def test_template(hashed_photo):
    first = hashed_photo("first")
    hashed_photo("copy")
    text = TEXT["reference/python.md"].partition("```django\n")[2].partition("```")[0]
    shown = Template(text).render(Context({"photo": first, "public_photos": Photo.objects.all()}))
    assert shown.strip() == '<a href="">copy</a>'


@pytest.mark.parametrize("method", ["get", "post"])
def test_viewset_and_validator(hashed_photo, method):
    first, second = hashed_photo("first"), hashed_photo("second")
    serializer = run_in(snippet("from rest_framework import serializers"), Photo=Photo)["PhotoSerializer"]
    assert not serializer(data={"title": "new", "original": an_upload()}).is_valid()
    code = snippet("from rest_framework import viewsets")
    viewset = run_in(code, Photo=Photo, PhotoSerializer=serializer)["PhotoViewSet"]
    view = viewset.as_view({"get": "similar", "post": "similar_to_picture"})
    data = {"like": first.pk} if method == "get" else {"picture": an_upload(), "limit": 1}
    response = view(getattr(APIRequestFactory(), method)("/photos/similar/", data))
    [found] = response.data
    assert found["distance"] == 0
    assert found["row"].keys() == {"id", "title", "original"}
    assert found["row"]["id"] in {str(first.pk), str(second.pk)}
