from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from samples.demo_login import is_of_demo, make_login
from servers.site import CHECKOUT, Site

pytestmark = pytest.mark.any_database

SQLITE = "django.db.backends.sqlite3"


@pytest.mark.django_db
def test_login_works_and_every_start_makes_a_new_password():
    first, second = make_login(), make_login()
    assert first != second
    assert authenticate(username="demo", password=second).is_superuser
    assert authenticate(username="demo", password=first) is None
    assert User.objects.count() == 1


def run(site: Site, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "samples.demo_login"]
    environment = {**os.environ, **site.environment, **environment}
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)


def test_refuses_without_debug(site):
    done = run(site, DEBUG="0")
    assert done.returncode == 1
    assert "DEBUG is off" in done.stderr
    assert site.rows("username", table="auth_user") == []


def test_no_login_is_made_in_another_database(site):
    done = run(site, DEBUG="1")
    assert done.returncode == 0, done.stderr
    assert "another database" in done.stdout
    assert site.rows("username", table="auth_user") == []


@pytest.mark.parametrize(
    ("engine", "name", "is_demo"),
    [
        (SQLITE, CHECKOUT / "db.sqlite3", True),
        (SQLITE, str(CHECKOUT / "tests" / ".." / "db.sqlite3"), True),
        (SQLITE, CHECKOUT / "site" / "db.sqlite3", False),
        (SQLITE, ":memory:", False),
        ("django.db.backends.postgresql", str(CHECKOUT / "db.sqlite3"), False),
    ],
)
def test_the_database_of_the_demo_is_the_file_in_the_checkout(engine, name, is_demo):
    assert is_of_demo({"ENGINE": engine, "NAME": name}) == is_demo
