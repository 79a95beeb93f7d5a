from __future__ import annotations

import os
import signal
import time
from contextlib import closing

import pytest

ROWS = 30_000
IN_STEP = "SELECT count(*) FROM hashing_imageasset a JOIN site_models_picture p ON a.source_id = CAST(p.id AS text)"


@pytest.mark.slow
def test_sync_that_was_killed_continues_where_it_ended(site):
    site.environment["DJANGO_SETTINGS_MODULE"] = "tests.sources.site_settings"
    assert site.run("migrate", "--run-syncdb", "--verbosity", "0").returncode == 0
    _add_pictures(site)
    process = site.start("sync_sources", "--no-progress")
    while process.poll() is None and not _count(site, "SELECT count(*) FROM hashing_imageasset"):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    begun = _count(site, "SELECT count(*) FROM hashing_imageasset")
    assert 0 < begun < ROWS
    done = site.run("sync_sources", "--no-progress")
    assert f"Sources: {ROWS - begun} added, 0 replaced, 0 shared, 0 removed." in done.stdout
    assert _count(site, f"{IN_STEP} AND a.image = p.image") == ROWS


def _add_pictures(site) -> None:
    mark = "?" if site.url.startswith("sqlite") else "%s"
    with closing(site.connect()) as connection:
        rows = [(f"{number}.jpg",) for number in range(ROWS)]
        connection.cursor().executemany(f"INSERT INTO site_models_picture (image) VALUES ({mark})", rows)
        connection.commit()


def _count(site, sql: str) -> int:
    with closing(site.connect()) as connection:
        return connection.cursor().execute(sql).fetchone()[0]
