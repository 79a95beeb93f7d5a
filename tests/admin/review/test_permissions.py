"""The status of each address for each method and user, in the order of RIGHTS."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from hashing.models import DuplicateGroup, GroupMember, PairDecision
from tests.admin.review.conftest import RIGHTS, form_of, keys_of, review_address

pytestmark = pytest.mark.any_database

LOOK = {
    "get": (302, 403, 403, 200, 200, 200),
    "head": (302, 403, 403, 200, 200, 200),
    "post": (302, 405, 405, 405, 405, 405),
    "put": (302, 405, 405, 405, 405, 405),
    "delete": (302, 405, 405, 405, 405, 405),
}
ACT = {
    "get": (302, 405, 405, 405, 405, 405),
    "head": (302, 405, 405, 405, 405, 405),
    "post": (302, 403, 403, 403, 302, 302),
    "put": (302, 405, 405, 405, 405, 405),
    "delete": (302, 405, 405, 405, 405, 405),
}
NOBODY = {"get": (302, 403, 403, 403, 403, 403), "post": (302, 403, 403, 403, 403, 403)}
ALLOWED = {
    "changelist": LOOK,
    "change": LOOK,
    "of": LOOK | dict.fromkeys(("get", "head"), (302, 403, 403, 302, 302, 302)),
    "decide": ACT,
    "undo": ACT,
    "identical_files": LOOK | {"post": (302, 403, 403, 403, 302, 302)},
    "add": NOBODY,
    "delete": NOBODY,
}
CASES = [
    pytest.param(name, method, role, status, id=f"{role}-{method}-{name}")
    for name, methods in ALLOWED.items()
    for method, statuses in methods.items()
    for role, status in zip(RIGHTS, statuses, strict=True)
]


def arguments(name: str, group: DuplicateGroup) -> tuple[object, ...]:
    if name == "of":
        return (group.keeper_id,)
    return (group.pk,) if name in ("change", "delete") else ()


def everything() -> list[object]:
    models = (DuplicateGroup, GroupMember, PairDecision, LogEntry)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize(("name", "method", "role", "status"), CASES)
def test_status(add_group, client_of, name, method, role, status):
    group = add_group()
    other = keys_of(group)[1]
    client, before = client_of(role), everything()
    data = form_of(group, "same", other) if name in ("decide", "undo") and method == "post" else None
    response = getattr(client, method)(review_address(name, *arguments(name, group)), data)
    assert response.status_code == status
    if role == "anonymous":
        assert "/login/" in response["Location"]
    if (name, method, status) != ("decide", "post", 302) or role == "anonymous":
        assert everything() == before


@pytest.mark.parametrize("name", ["decide", "undo"])
def test_post_without_a_token_is_refused(add_group, client_of, name):
    data = form_of(group := add_group(), "same", keys_of(group)[1])
    client, before = client_of("reviewer", enforce_csrf_checks=True), everything()
    assert client.post(review_address(name), data).status_code == 403
    assert everything() == before


@pytest.mark.parametrize(("role", "shown"), [("viewer", False), ("reviewer", True)])
@pytest.mark.parametrize("page", ["changelist", "change"])
def test_buttons_are_for_those_who_may_decide(add_group, client_of, role, shown, page):
    group = add_group()
    text = client_of(role).get(review_address(page, *arguments(page, group))).text
    for button in ('name="same"', 'name="different"', 'name="keep"', review_address("decide")):
        assert (button in text) is shown


@pytest.mark.parametrize(("role", "shown"), [("blind", False), ("viewer", True), ("reviewer", True)])
def test_index_of_the_admin_lists_groups_for_those_who_may_see_them(client_of, role, shown):
    assert (review_address("changelist") in client_of(role).get("/admin/").text) is shown
