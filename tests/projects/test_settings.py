"""All pages of the app in the admin, under settings that sites have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samples.pictures import photo
from servers.site import CHECKOUT, site_database

# To start a process takes longer than to use its pages: settings that have nothing in common share one.
SETTINGS = {
    "arabic_naive_times_uuid_user": "office",
    "german_atomic_requests_other_storage": "admin",
    "replica_two_sites": "office",
    "own_database_own_site": "office",
}
pytestmark = [pytest.mark.own_database, pytest.mark.slow]
# Only locking differs between databases.
ON_POSTGRESQL = {"replica_two_sites"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Five pictures with two copies each, in the order of their names."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(15):
        path = folder / f"{number // 3}-{number % 3}.jpg"
        photo(seed=number // 3, size=(160, 120)).save(path, quality=90 - number % 3)
    return folder


@pytest.mark.parametrize(("settings", "site_name"), SETTINGS.items(), ids=SETTINGS)
def test_every_page_works(settings, site_name, pictures, tmp_path):
    if "DATABASE_URL" in os.environ and settings not in ON_POSTGRESQL:
        pytest.skip("the same on every database")
    with site_database(tmp_path) as url:
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "DJANGO_SETTINGS_MODULE": f"tests.projects.settings.{settings}",
            "DATABASE_URL": url,
            "MEDIA_ROOT": str(tmp_path / "media"),
        }
        command = [sys.executable, "-m", "tests.projects.walk_site", str(pictures), site_name]
        done = subprocess.run(
            command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    assert done.returncode == 0, f"with {settings}: {done.stderr[-3000:]}"
    assert "Every page works." in done.stdout
