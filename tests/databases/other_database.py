"""A second database, for tests with rows outside the default one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connections

OTHER = "other"


@pytest.fixture(scope="module", autouse=True)
def other_database(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[None]:
    """An SQLite file with the alias "other", in every module that imports this fixture."""
    path = tmp_path_factory.mktemp("other") / "other.sqlite3"
    options = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF", "transaction_mode": "IMMEDIATE"}
    given = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}
    defaults = {name: value for name, value in connections["default"].settings_dict.items() if name not in given}
    connections.settings[OTHER] = {**defaults, **given, "HOST": "", "USER": "", "PASSWORD": "", "PORT": ""}
    with django_db_blocker.unblock():
        call_command("migrate", database=OTHER, verbosity=0)
    yield
    with django_db_blocker.unblock():
        connections[OTHER].close()
    del connections[OTHER]
    del connections.settings[OTHER]
