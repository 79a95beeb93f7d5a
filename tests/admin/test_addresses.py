"""What every address of the admin answers: to each method with each permission alone, and to hostile parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern

from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from tests.admin.conftest import content_of, log_in
from tests.admin.hostile_names import give_hostile_names
from tests.admin.tenants import (
    FIRST_OWN_KEY,
    World,
    address,
    addresses,
    forms,
    make_user,
    routes_of,
    tenants,
)

pytestmark = pytest.mark.urls("tests.admin.tenants")
ROUTES = [pytest.param(route, id=route.name) for route in routes_of(tenants)]

MODELS = ("imageasset", "duplicategroup", "pairdecision", "markedduplicate")
PERMISSIONS = [f"{action}_{model}" for model in MODELS for action in ("view", "add", "change", "delete")]
METHODS = ("get", "post")
OTHER_METHODS = ("head", "options", "put", "delete")
STATUSES = {200, 302, 400, 403, 404, 405, 409}
SEES = {"view_imageasset", "change_imageasset"}
# These change images by a form, by an action of the list or by deleting them, and with them groups.
CHANGING = {"change_imageasset", "delete_imageasset"}
STORED = (ImageAsset, PairDecision, GroupMember, DuplicateGroup, LogEntry)


def status_of(response: Any) -> int:
    # Else a file that is streamed stays open.
    content_of(response)
    return response.status_code


def rows(model: type[Any]) -> list[dict[str, Any]]:
    return list(model.objects.order_by("pk").values())


def keys_of_decisions() -> set[int]:
    return set(PairDecision.objects.values_list("pk", flat=True))


def key_of(world: World, route: URLPattern) -> int:
    """Return a key of a row that the page of this route shows."""
    first = {"duplicategroup": DuplicateGroup, "pairdecision": PairDecision}
    for name, model in first.items():
        if f"_{name}_" in route.name and not route.name.endswith("_of"):
            return model.objects.order_by("pk").first().pk
    return world.own["4-2"].pk


def ask_all(world: World, client: Client, methods: tuple[str, ...]) -> Iterator[tuple[str, str, HttpResponse]]:
    """Ask every address with these methods. A POST has the data that does most."""
    for route in routes_of(admin.site):
        for url, _key in addresses(route, [key_of(world, route)], "admin"):
            for method in methods:
                data = [forms(world, route)[-1]] if method == "post" else []
                yield method, url, getattr(client, method)(url, *data)


@pytest.mark.any_database
@pytest.mark.parametrize("permission", [None, *PERMISSIONS])
def test_every_address_and_method_with_a_single_permission(world, permission):
    """Names are shown to those who may see images, and to those who delete one; one permission decides nothing."""
    client = log_in(make_user("somebody", *[permission] if permission else []))
    before, decisions = list(map(rows, STORED)), keys_of_decisions()
    # What these answer follows from what the user may see.
    others = OTHER_METHODS if permission in (None, *SEES) else ()
    for method, url, response in ask_all(world, client, METHODS + others):
        assert response.status_code in STATUSES, (method, url)
        text = content_of(response)
        if permission not in SEES and not (permission == "delete_imageasset" and "/delete/" in url):
            assert b".jpg" not in text, (method, url)
    assert keys_of_decisions() <= decisions
    assert permission in CHANGING or list(map(rows, STORED)) == before


@pytest.mark.any_database
def test_every_address_and_method_without_a_log_in(world):
    before = list(map(rows, STORED))
    for method, url, response in ask_all(world, Client(), METHODS + OTHER_METHODS):
        assert response.status_code == 302, (method, url)
        assert "/login/" in response["Location"], (method, url)
    assert list(map(rows, STORED)) == before


# No number, or none that fits; a character that PostgreSQL refuses; UTF-8 that ends in the middle of a character.
WILD = ["-1", "9" * 30, "abc", "\x00", b"\xc3", "1,2"]
WILD_ALONE = WILD[1:5]
WILDER = [*WILD, "", str(2**63), "9" * 5000, "\u0663"]
SEARCH_NAMES = "distance any_orientation include_low_quality hash vertical detail quality page".split()
LIST_NAMES = "p q o all e _to_field _facets".split()
LOOKUPS = "id pk width image image__in source_id hash_quality__gte created_at__gte created_at__year nothing__in".split()
NAMES = {
    "imageasset_find_similar": SEARCH_NAMES,
    "imageasset_similar": SEARCH_NAMES,
    "imageasset_changelist": [*LIST_NAMES, *LOOKUPS, "state", "source"],
    "duplicategroup_changelist": [*LIST_NAMES, "state", "likeness", "images", "size__gte", "keeper", "keeper__id"],
    "pairdecision_changelist": [*LIST_NAMES, "verdict", "lower", "decided_at__gte", "decided_by__id__exact"],
    "markedduplicate_changelist": ["p", "q", *LOOKUPS],
    "duplicategroup_change": ["p", "image"],
    "autocomplete": ["app_label", "model_name", "field_name", "term", "page"],
}
HUGE_KEYS = [0, 2**31, 2**63, int("9" * 30)]


@pytest.mark.parametrize("route", ROUTES)
def test_parameters_out_of_range_are_no_server_error(world, chief, route):
    [url, *others] = (url for url, _key in addresses(route, [key_of(world, route), *HUGE_KEYS]))
    names = NAMES.get(route.name.removeprefix("hashing_"), [])
    for value in WILD_ALONE:
        for name in names:
            assert status_of(chief.get(url, {name: value})) < 500, (name, value)
    # All at once, and each twice.
    for value in WILDER:
        every = {name: [value, "1"] for name in (*names, "next", "_changelist_filters")}
        assert status_of(chief.get(url, every)) < 500, value
    for other in others:
        assert status_of(chief.get(other)) < 500
        assert status_of(chief.post(other, {"post": "yes"})) < 500


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.values[0].name.endswith(("changelist", "decide", "undo"))]
)
def test_fields_out_of_range_are_no_server_error(world, chief, route):
    [url] = (url for url, _key in addresses(route, []))
    filled = forms(world, route)
    names = {name for form in filled for name in form}
    for value in WILD_ALONE:
        for name in sorted(names | {"deletion", "last_member", "return_to"}):
            assert status_of(chief.post(url, filled[-1] | {name: ["1", value]})) < 500, (name, value)


@pytest.mark.parametrize(
    "key", ["%00", "%C3", "%FF%FE", "_5F", "1%2F2", "..%2F..%2Fetc%2Fpasswd", "%0D%0ASet-Cookie:a=b"]
)
def test_broken_keys_in_an_address_are_no_server_error(world, chief, key):
    for route in routes_of(tenants):
        for url, _key in addresses(route, [FIRST_OWN_KEY]):
            asked = url.replace(str(FIRST_OWN_KEY), key)
            response = chief.get(asked)
            assert response.status_code in {200, 301, 302, 400, 403, 404, 405}, asked
            assert "Set-Cookie" not in response.headers


@pytest.mark.any_database
@pytest.mark.parametrize("side", [0, 1, 161, 2**31, 2**63, 10**30])
def test_side_of_a_preview_is_one_of_those_that_pages_use(world, chief, side):
    assert chief.get(address("imageasset_preview", world.own["1-1"].pk, side)).status_code == 404


@pytest.mark.any_database
@pytest.mark.parametrize("route", ROUTES)
def test_hostile_names_are_escaped(world, chief, route):
    give_hostile_names(world)
    for url, _key in addresses(route, [world.own["1-1"].pk, 1]):
        for response in (chief.get(url, follow=True), *(chief.post(url, data) for data in forms(world, route)[:3])):
            text = content_of(response).decode(errors="replace")
            assert "<script>window" not in text
            assert "<img src=x" not in text
            assert "Set-Cookie" not in response.headers
