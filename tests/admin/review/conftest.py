from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from hashing.admin.review.presentation import present_groups
from hashing.admin.visibility import ImageAccess
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.grouping.finder import find_groups
from hashing.grouping.options import GroupingOptions
from hashing.grouping.pair_constraints import read_constraints
from hashing.grouping.store import store_groups
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate

RIGHTS = {
    "anonymous": None,
    "staff": [],
    "blind": ["view_duplicategroup", "change_duplicategroup"],
    "viewer": ["view_imageasset", "view_duplicategroup"],
    "reviewer": ["view_imageasset", "view_duplicategroup", "change_duplicategroup"],
    "superuser": [],
}
JSON = {"Accept": "application/json"}

AddGroup = Callable[..., DuplicateGroup]


def everything() -> ImageAccess:
    """Return the access of somebody who sees all images."""
    return ImageAccess(HttpRequest(), site)


def review_address(name: str, *arguments: object) -> str:
    return reverse(f"admin:hashing_duplicategroup_{name}", args=arguments)


def store_all_groups() -> None:
    options = GroupingOptions(any_orientation=True)
    store_groups(find_groups(ImageAsset.objects.all(), options, read_constraints("default")), "default")
    options.remember("default")


def form_of(group: DuplicateGroup, verdict: str, key: int) -> dict[str, object]:
    """Return what a button of a page sends that is loaded now."""
    [shown] = present_groups([DuplicateGroup.objects.get(pk=group.pk)], everything())
    return {**shown.form_values, "return_to": review_address("changelist"), verdict: key}


def keys_of(group: DuplicateGroup) -> list[int]:
    return list(group.members.order_by("position").values_list("asset", flat=True))


@pytest.fixture
def client_of(db):
    def make(role: str, **options) -> Client:
        client = Client(**options)
        if RIGHTS[role] is not None:
            user = User.objects.create_user(role, is_staff=True, is_superuser=role == "superuser")
            user.user_permissions.set(Permission.objects.filter(codename__in=RIGHTS[role]))
            client.force_login(user)
        return client

    return make


@pytest.fixture
def reviewer(client_of) -> Client:
    """A user who may see images and decide about groups."""
    return client_of("reviewer")


@pytest.fixture
def viewer(client_of) -> Client:
    return client_of("viewer")


@pytest.fixture
def superuser_client(client_of):
    return client_of("superuser")


@pytest.fixture
def add_group(db, media) -> AddGroup:
    """Add rows that are similar to one another and to no others, with files of zeros, and group them."""

    def add(size: int = 3, *, names: str = "{number}/{place}.jpg", apart: int = 1, **fields) -> DuplicateGroup:
        number = DuplicateGroup.objects.count()
        one, other = (int(part) for part in np.random.RandomState(number).randint(0, 2**63, 2, dtype=np.uint64))
        rows = [
            ImageAsset(
                image=names.format(number=number, place=place),
                perceptual_hash=f"{one ^ (apart if place else 0):016x}",
                vertical_hash=f"{other:016x}",
                detail_hash=f"{one * other % 2**256:064x}",
                hash_quality=90,
                hash_version=HASH_VERSION,
                **{"width": 2000 - place, "height": 100, "file_size": 1000 + place} | fields,
            )
            for place in range(size)
        ]
        for row in ImageAsset.objects.bulk_create(rows):
            path = media / row.image.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(row.file_size or 1))
        store_all_groups()
        return DuplicateGroup.objects.get(keeper=rows[0])

    return add


def ask(client, data, name="decide"):
    return client.post(review_address(name), data, headers=JSON)


def undo_form(client) -> str:
    return client.get(review_address("changelist") + "?state=all").text.partition('class="hashing-toolbar__undo"')[2]


def batch_in(html: str) -> str:
    return html.partition('name="batch" value="')[2].partition('"')[0]


def undo_last(client):
    """Press "Undo" on a page that is loaded now."""
    return ask(client, {"return_to": review_address("changelist"), "batch": batch_in(undo_form(client))}, "undo")


class HiddenFields(HTMLParser):
    """The hidden fields of the first form for each address."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str]] = {}
        self._current: dict[str, str] | None = None

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "form":
            self._current = {}
            self.fields.setdefault(values.get("action", ""), self._current)
        elif tag == "input" and values.get("type") == "hidden" and self._current is not None:
            self._current[values["name"]] = values["value"]


def hidden_fields(text: str, action: str) -> dict[str, str]:
    parser = HiddenFields()
    parser.feed(text)
    return parser.fields[action]


def marked_keys() -> set[int]:
    return set(MarkedDuplicate.objects.values_list("pk", flat=True))


def image_keys(response) -> list[int]:
    parts = response.json()["html"].split('data-image="')[1:]
    return [int(part.partition('"')[0]) for part in parts]
