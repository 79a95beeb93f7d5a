from __future__ import annotations

import os
import subprocess
import sys

import pytest

from servers.site import CHECKOUT, Site

pytestmark = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the same on every database")


def test_users_and_sources_in_another_database_than_the_assets(tmp_path):
    site = Site.create_in(tmp_path, f"sqlite:///{tmp_path}/site.sqlite3")
    site.environment["DJANGO_SETTINGS_MODULE"] = "tests.databases.separate_settings"
    for alias in ("default", "images"):
        done = site.run("migrate", "--run-syncdb", "--verbosity", "0", "--database", alias)
        assert done.returncode == 0, done.stderr
    assert "no issues" in site.run("check", "--database", "default", "--database", "images").stdout
    command = [sys.executable, "-m", "tests.databases.separate_walk"]
    done = subprocess.run(command, cwd=CHECKOUT, env=site.environment, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("Every step works.\n"), done.stdout + done.stderr
