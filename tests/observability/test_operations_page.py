"""The examples in docs/operations.md work."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import URLPattern

from tests.observability.conftest import add_rows
from tests.test_docs import TEXT, snippets

pytestmark = pytest.mark.django_db
PAGE = "operations.md"


def run_example(start: str, **names: object) -> dict[str, object]:
    [snippet] = snippets(PAGE, start)
    exec(compile(snippet, PAGE, "exec"), names)
    return names


def test_path_of_the_health_view(rf):
    [pattern] = run_example("# urls.py", urlpatterns=[])["urlpatterns"]
    assert isinstance(pattern, URLPattern)
    with pytest.raises(PermissionDenied):
        pattern.callback(rf.get("/"))


def test_health_view_with_a_token(rf, settings):
    settings.HEALTH_TOKEN = "correct"
    view = run_example("from django.conf import settings")["TokenHealthView"].as_view()
    assert view(rf.get("/", headers={"X-Health-Token": "correct"})).status_code == 200
    with pytest.raises(PermissionDenied):
        view(rf.get("/"))


def test_gauges_at_an_address_of_their_own(rf):
    add_rows(2)
    response = run_example("from django.db import transaction")["image_metrics"](rf.get("/"))
    assert b'hashing_images{state="waiting"} 2.0' in response.content


def test_alerts_ask_for_metrics_that_exist():
    table = set(re.findall(r"^\| `(hashing_\w+)`", TEXT[PAGE], re.MULTILINE))
    asked = set(re.findall(r"expr: \w+\((\w+)", TEXT[PAGE]))
    assert asked
    assert asked <= table
