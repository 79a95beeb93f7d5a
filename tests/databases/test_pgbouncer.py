"""Whole commands through a PgBouncer in transaction mode."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from hashing.perceptual_hash import compute_perceptual_hash
from servers.pgbouncer import find_pgbouncer, pgbouncer
from servers.site import Site, site_database

pytestmark = [
    pytest.mark.own_database,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="needs PostgreSQL"),
    pytest.mark.needs("the program pgbouncer", find_pgbouncer),
]


@pytest.fixture
def pooled_site(tmp_path, migrated_database) -> Iterator[Site]:
    """A site whose commands reach the database through PgBouncer; the test itself does not."""
    with site_database(tmp_path, migrated_database) as url, pgbouncer(url) as pooled:
        site = Site.create_in(tmp_path, pooled)
        site.url = url
        yield site
        site.end_all()


def expected(site: Site) -> list[tuple[str, str, str]]:
    return [(path.name, compute_perceptual_hash(path), "") for path in sorted(site.media.iterdir())]


def test_each_transaction_goes_to_another_server(tmp_path):
    with site_database(tmp_path) as url, pgbouncer(url) as pooled, psycopg.connect(pooled, autocommit=True) as client:
        seen = [client.execute("SELECT pg_backend_pid()", prepare=False).fetchone() for _ in range(4)]
        assert seen[0] == seen[2] != seen[1] == seen[3]


def test_all_rows_are_hashed(pooled_site):
    pooled_site.add_photos(30)
    done = pooled_site.run("backfill_hashes", "--batch-size", "7", "--workers", "2", "--no-progress")
    assert done.returncode == 0, done.stderr
    assert pooled_site.rows() == expected(pooled_site)


def test_enqueued_shards_are_hashed_and_duplicates_are_found(pooled_site):
    pooled_site.add_photos(30)
    # Equal names but for the prefix, and so the same pictures.
    pooled_site.add_photos(5, prefix="copy")
    database = {"TASK_QUEUE": "database"}
    assert pooled_site.run("migrate", "--verbosity", "0", **database).returncode == 0
    done = pooled_site.run("backfill_hashes", "--enqueue", "--shard-size", "9", "--batch-size", "4", **database)
    assert "Enqueued: 35 images, in 4 shards." in done.stdout, done.stderr
    workers = [pooled_site.start("db_worker", "--batch", "--no-startup-delay", environment=database) for _ in range(2)]
    for worker in workers:
        _, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
    assert sorted(pooled_site.rows()) == expected(pooled_site)
    found = pooled_site.run("find_duplicates", "--no-progress")
    assert found.returncode == 0, found.stderr
    assert "Groups: 5" in found.stdout
