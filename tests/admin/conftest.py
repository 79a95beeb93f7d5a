from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from django.urls import reverse
from selenium.webdriver.remote.webdriver import WebDriver

from servers.browser import started_browser

PERMISSIONS = {
    "anonymous": None,
    "staff": [],
    "viewer": ["view_imageasset"],
    "editor": ["view_imageasset", "change_imageasset"],
    "superuser": [],
}


def address(name: str, *arguments: object) -> str:
    return reverse(f"admin:hashing_imageasset_{name}", args=arguments)


def make_user(role: str) -> User:
    user = User.objects.create_user(role, is_staff=True, is_superuser=role == "superuser")
    user.user_permissions.set(Permission.objects.filter(codename__in=PERMISSIONS[role]))
    return user


@pytest.fixture
def client_of(db):
    def make(role: str, **options) -> Client:
        client = Client(**options)
        if role != "anonymous":
            client.force_login(make_user(role))
        return client

    return make


@pytest.fixture
def editor(client_of) -> Client:
    """Somebody who may change pictures, and neither add nor delete them."""
    return client_of("editor")


@pytest.fixture
def superuser(client_of) -> Client:
    return client_of("superuser")


@pytest.fixture(scope="session", autouse=True)
def plain_http() -> Iterator[None]:
    """For the session, because the live server reads its settings once."""
    with override_settings(SECURE_SSL_REDIRECT=False, SESSION_COOKIE_SECURE=False, CSRF_COOKIE_SECURE=False):
        yield


def fields_of(page) -> dict[str, str]:
    """What the form of a page of our own sends."""
    [form] = re.findall(r'<form method="post".*?</form>', page.text, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form))


def messages_of(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@pytest.fixture(scope="module", params=[1280, 400])
def browser(request, tmp_path_factory) -> Iterator[WebDriver]:
    """One for all tests of a module: to start it takes longer than most of them."""
    with started_browser(request.param, tmp_path_factory.mktemp("profile")) as driver:
        yield driver
