from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.signals import request_finished
from django.db import close_old_connections, transaction
from django.test import Client, override_settings
from django.urls import reverse
from PIL import Image
from selenium.webdriver.remote.webdriver import WebDriver

from hashing.db.clock import Now
from hashing.models import BackfillRun
from samples.pictures import encoded
from servers.browser import forget_site, reset_window, started_browser
from tests.admin.tenants import World, make_world

PERMISSIONS = {
    "anonymous": None,
    "staff": [],
    "viewer": ["view_imageasset"],
    "editor": ["view_imageasset", "change_imageasset"],
    "superuser": [],
}

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<html><script>alert(1)</script></html>"


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
    """Return a client whose user may change images, but not add or delete them."""
    return client_of("editor")


@pytest.fixture
def superuser(client_of) -> Client:
    return client_of("superuser")


@pytest.fixture(scope="session", autouse=True)
def plain_http() -> Iterator[None]:
    """Serve HTTP during the whole session, because the live server reads its settings once."""
    with override_settings(SECURE_SSL_REDIRECT=False, SESSION_COOKIE_SECURE=False, CSRF_COOKIE_SECURE=False):
        yield


def fields_of(page) -> dict[str, str]:
    """Return the hidden fields of the form of a page."""
    [form] = re.findall(r'<form method="post".*?</form>', page.text, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form))


def content_of(response) -> bytes:
    """Return the content of a response. A file that it streams is closed when it has been read.

    `close()` would also close the connection to the database, and end the transaction of the test.
    """
    return b"".join(response)


def close(response) -> None:
    """Close a response and what it streams, but not the connection to the database, which the test still needs."""
    request_finished.disconnect(close_old_connections)
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)


def messages_of(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@contextmanager
def logged_in(browser: WebDriver, site: str, client: Client) -> Iterator[None]:
    """Give the browser the session of a client, without opening a page."""
    forget_site(browser, site)
    cookie = {"url": site, "name": "sessionid", "value": client.cookies["sessionid"].value}
    assert browser.execute_cdp_cmd("Network.setCookie", cookie)["success"]
    yield
    # A page that asks for news would do so during the next tests, on the connection of their database. A page of
    # another site would start a process in the browser.
    browser.get(f"{site}/nowhere/")


@pytest.fixture(scope="session")
def chromium(live_server, tmp_path_factory) -> Iterator[WebDriver]:
    """One browser for all tests: most of them are faster than its start.

    It ends before the server does, which then has no connections to it.
    """
    with started_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(params=[1280, 400])
def browser(request, chromium) -> WebDriver:
    """The browser with a window of this width."""
    reset_window(chromium, request.param)
    return chromium


def bomb() -> bytes:
    content = bytearray(encoded(Image.new("1", (1, 1)), "BMP"))
    content[18:26] = (60_000).to_bytes(4, "little") * 2
    return bytes(content)


@pytest.fixture(scope="module")
def stored_world(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[tuple[World, Path]]:
    """The images of two tenants, which take longer to store than most tests of them, and the folder of their files.

    For modules without tests that commit.
    """
    folder = tmp_path_factory.mktemp("world")
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(MEDIA_ROOT=str(folder)):
            made = make_world(folder)
        yield made, folder
        transaction.set_rollback(True)


@pytest.fixture
def world(stored_world, media, db) -> World:
    made, folder = stored_world
    shutil.copytree(folder, media, dirs_exist_ok=True)
    # Else the run would seem to have ended after some tests.
    BackfillRun.objects.update(heartbeat_at=Now())
    return deepcopy(made)


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def tenant(world) -> Client:
    return log_in(world.user)


@pytest.fixture
def chief(world) -> Client:
    return log_in(world.chief)
