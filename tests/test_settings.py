from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from importlib.util import find_spec

import pytest
from django.conf import settings

from servers.site import CHECKOUT

VARIABLES = ("DATABASE_URL", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "MEDIA_ROOT", "DJANGO_SETTINGS_MODULE")


def load(*names: str, **environment: str) -> list:
    """Return the values of these settings in a process with this environment."""
    code = f"import json; from imagesearch import settings as s; print(json.dumps([getattr(s, n) for n in {names}]))"
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env=clean | environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_with_nothing_set_the_site_is_safe_and_keeps_to_the_checkout():
    debug, hosts, secure, databases = load("DEBUG", "ALLOWED_HOSTS", "SESSION_COOKIE_SECURE", "DATABASES")
    assert (debug, hosts, secure) == (False, [], True)
    assert databases["default"]["NAME"] == str(CHECKOUT / "db.sqlite3")


def test_sqlite_can_have_several_writers():
    (databases,) = load("DATABASES")
    options = databases["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert options["timeout"] >= 10


def test_a_postgresql_url_with_a_socket_folder_is_understood():
    (databases,) = load("DATABASES", DATABASE_URL="postgres://me@/photos?host=/run/pg")
    database = databases["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["NAME"], database["USER"]) == ("photos", "me")
    assert "/run/pg" in (database["HOST"], database.get("OPTIONS", {}).get("host"))


def test_an_empty_database_url_is_none_at_all():
    (databases,) = load("DATABASES", DATABASE_URL="")
    assert databases["default"]["ENGINE"] == "django.db.backends.sqlite3"


def test_the_secret_key_comes_from_the_environment():
    assert load("SECRET_KEY", SECRET_KEY="from outside") == ["from outside"]


def test_without_a_secret_key_each_process_makes_one_that_the_deployment_check_reports():
    (first,), (second,) = load("SECRET_KEY"), load("SECRET_KEY")
    assert first.startswith("django-insecure-")
    assert first != second


@pytest.mark.parametrize(("debug", "secure"), [("1", False), ("0", True)])
def test_cookies_need_https_unless_debugging(debug, secure):
    assert load("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", DEBUG=debug) == [secure, secure]


def test_hosts_and_media_come_from_the_environment():
    assert load("ALLOWED_HOSTS", "MEDIA_ROOT", ALLOWED_HOSTS="a.example,b.example", MEDIA_ROOT="/srv/media") == [
        ["a.example", "b.example"],
        "/srv/media",
    ]


def test_without_the_queue_of_rq_nothing_asks_for_its_settings():
    # This process runs with them, and with every package that could.
    assert find_spec("django_rq")
    assert not hasattr(settings, "RQ_QUEUES")


def test_the_deployment_check_is_silent_with_the_settings_of_production(tmp_path):
    environment = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "photos.example.org",
        "MEDIA_ROOT": str(tmp_path),
        "SECURE_HSTS_SECONDS": "3600",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": "1",
        "SECURE_HSTS_PRELOAD": "1",
    }
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=CHECKOUT, env=clean | environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
