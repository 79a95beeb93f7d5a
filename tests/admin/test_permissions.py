"""The status of every page and method for every role. The tables have one status for each of ROLES."""

from __future__ import annotations

import pytest

from hashing.models import ImageAsset
from hashing.models.hash_fields import HASH_FIELDS
from tests.admin.conftest import address, close

pytestmark = pytest.mark.any_database

ROLES = ("anonymous", "staff", "viewer", "editor", "superuser")
METHODS = ("get", "head", "post", "put", "delete")

# Anonymous visitors are redirected to the log-in.
TO_BE_READ = {
    "get": (302, 403, 200, 200, 200),
    "head": (302, 403, 200, 200, 200),
    "post": (302, 405, 405, 405, 405),
    "put": (302, 405, 405, 405, 405),
    "delete": (302, 405, 405, 405, 405),
}
ALLOWED = {
    "hash_waiting": {
        "get": (302, 403, 403, 200, 200),
        "head": (302, 403, 403, 200, 200),
        "post": (302, 403, 403, 302, 302),
        "put": (302, 403, 403, 405, 405),
        "delete": (302, 403, 403, 405, 405),
    },
    "recompute": {
        "get": (302, 403, 403, 200, 200),
        "head": (302, 403, 403, 200, 200),
        "post": (302, 403, 403, 302, 302),
        "put": (302, 403, 403, 405, 405),
        "delete": (302, 403, 403, 405, 405),
    },
    "search_by_image": {
        "get": (302, 403, 200, 200, 200),
        "head": (302, 403, 200, 200, 200),
        "post": (302, 403, 200, 200, 200),
        "put": (302, 405, 405, 405, 405),
        "delete": (302, 405, 405, 405, 405),
    },
    "preview": TO_BE_READ,
    "original": TO_BE_READ,
    "find_similar": TO_BE_READ,
    "similar": TO_BE_READ,
    "progress": TO_BE_READ,
    "changelist": {
        "get": (302, 403, 200, 200, 200),
        "head": (302, 403, 200, 200, 200),
        "post": (302, 403, 200, 200, 200),
    },
    "change": {
        "get": (302, 403, 200, 200, 200),
        "head": (302, 403, 200, 200, 200),
        "post": (302, 403, 403, 302, 302),
    },
    "add": {
        "get": (302, 403, 403, 403, 200),
        "head": (302, 403, 403, 403, 200),
        "post": (302, 403, 403, 403, 200),
    },
    "history": {"get": (302, 403, 200, 200, 200)},
    "delete": {"get": (302, 403, 403, 403, 200)},
}
CASES = [
    pytest.param(name, method, role, status, id=f"{role}-{method}-{name}")
    for name, methods in ALLOWED.items()
    for method, statuses in methods.items()
    for role, status in zip(ROLES, statuses, strict=True)
]
WITHOUT_KEY = ("changelist", "add", "hash_waiting", "search_by_image", "similar", "progress")


def arguments(name: str, asset: ImageAsset) -> tuple[object, ...]:
    if name == "preview":
        return (asset.pk, 160)
    return () if name in WITHOUT_KEY else (asset.pk,)


def rows() -> list[dict[str, object]]:
    return list(ImageAsset.objects.order_by("pk").values("image", *HASH_FIELDS))


@pytest.mark.parametrize(("name", "method", "role", "status"), CASES)
def test_status(add_image, client_of, name, method, role, status):
    asset = add_image()
    before = rows()
    response = getattr(client_of(role), method)(address(name, *arguments(name, asset)))
    assert response.status_code == status
    # A streamed file stays open otherwise.
    close(response)
    if role == "anonymous":
        assert "/login/" in response["Location"]
    if method in ("get", "head") or status in (403, 405):
        assert rows() == before


@pytest.mark.parametrize("name", ["hash_waiting", "recompute", "search_by_image", "changelist", "change"])
def test_post_without_a_csrf_token_is_refused(add_image, client_of, name):
    asset = add_image()
    before = rows()
    client = client_of("superuser", enforce_csrf_checks=True)
    data = {"action": "compute_hashes", "_selected_action": [asset.pk]}
    assert client.post(address(name, *arguments(name, asset)), data).status_code == 403
    assert rows() == before


@pytest.mark.parametrize("key", [0, 99_999, 10**30])
@pytest.mark.parametrize("method", ["get", "post"])
def test_missing_key_is_not_found(superuser, add_image, key, method):
    add_image()
    assert getattr(superuser, method)(address("recompute", key)).status_code == 404
    assert superuser.get(address("preview", key, 160)).status_code == 404
    assert superuser.get(address("original", key)).status_code == 404
    assert superuser.get(address("find_similar", key)).status_code == 404


@pytest.mark.parametrize("key", ["abc", "1/2", "%C2%B2", "0x1"])
def test_invalid_key_redirects(superuser, add_image, key):
    add_image()
    assert superuser.get(f"{address('changelist')}{key}/change/").status_code == 302


@pytest.mark.parametrize(("role", "shown"), [("viewer", False), ("editor", True), ("superuser", True)])
def test_hashing_buttons_and_actions_need_the_change_permission(add_image, client_of, role, shown):
    asset = add_image()
    client = client_of(role)
    page, form = client.get(address("changelist")), client.get(address("change", asset.pk))
    assert (address("hash_waiting") in page.text) is shown
    assert (address("recompute", asset.pk) in page.text) is shown
    assert (address("recompute", asset.pk) in form.text) is shown
    assert ("compute_hashes" in page.text) is shown


@pytest.mark.parametrize("role", ["viewer", "editor", "superuser"])
def test_search_buttons_need_only_the_view_permission(add_image, client_of, role):
    asset = add_image()
    client = client_of(role)
    page, form = client.get(address("changelist")), client.get(address("change", asset.pk))
    assert f'href="{address("search_by_image")}"' in page.text
    assert f'href="{address("find_similar", asset.pk)}"' in page.text
    assert f'href="{address("find_similar", asset.pk)}"' in form.text


def test_buttons_are_not_shared_between_users(add_image, client_of):
    asset = add_image()
    viewer, editor = client_of("viewer"), client_of("editor")
    for client, shown in ((viewer, False), (editor, True), (viewer, False)):
        assert (address("recompute", asset.pk) in client.get(address("changelist")).text) is shown


def test_action_of_a_viewer_does_nothing(add_image, client_of):
    asset = add_image()
    before = rows()
    client_of("viewer").post(address("changelist"), {"action": "compute_hashes", "_selected_action": [asset.pk]})
    assert rows() == before
