"""The seconds that a task costs beyond its images: the same images in few and in many key ranges, one worker each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.rounds import Figures, median_of_rounds
from benchmarks.scratch_site import fill
from benchmarks.table import print_table
from benchmarks.throughput import file_names
from servers.redis import redis_program, redis_server

HEADS = ["worker", "images a second, one range", "seconds a task costs beyond its images"]
MANAGE = [sys.executable, "manage.py"]
RQ_WORKER = ["rqworker", "default", "--burst", "--verbosity", "0"]
WORKERS = {
    "db_worker": ["db_worker", "--batch", "--no-startup-delay", "--interval", "0", "--verbosity", "0"],
    "rqworker": RQ_WORKER,
    "rqworker --worker-class rq.SimpleWorker": [*RQ_WORKER, "--worker-class", "rq.SimpleWorker"],
}
RANGES = 10


def print_task_overhead(folder: Path, images: int, rounds: int) -> None:
    program = redis_program()
    with TemporaryDirectory() as scratch, redis_server(program, Path(scratch)) if program else nullcontext() as redis:
        redis_url = redis.url if redis else ""
        environment = {**os.environ, "DATABASE_URL": _database_url(), "REDIS_URL": redis_url, "LOG_LEVEL": "CRITICAL"}
        _run(["migrate", "--verbosity", "0"], environment | {"TASK_QUEUE": "database"})
        chosen = WORKERS if redis else {"db_worker": WORKERS["db_worker"]}
        ways = {name: partial(measure, command, folder, images, environment) for name, command in chosen.items()}
        found = median_of_rounds(rounds, ways)
    rows = [[name, f"{each['rate']:.0f}", each["beyond"]] for name, each in found.items()]
    print_table(f"Tasks, {images} photographs of 500 px in one range and in {RANGES}, PostgreSQL", HEADS, rows)


def measure(command: list[str], folder: Path, images: int, environment: dict[str, str]) -> Figures:
    environment = environment | {"TASK_QUEUE": "database" if command[0] == "db_worker" else "rq"}
    one, many, none = (_seconds(command, folder, images, ranges, environment) for ranges in (1, RANGES, 0))
    return {"rate": images / (one - none), "beyond": (many - one) / (RANGES - 1)}


def _seconds(command: list[str], folder: Path, images: int, ranges: int, environment: dict[str, str]) -> float:
    """How long a worker runs that finds `images` in `ranges` tasks, its own start and end among it."""
    from hashing.models import ImageAsset

    fill(file_names(folder), images if ranges else 0)
    if ranges:
        shard = str(images // ranges)
        _run(["backfill_hashes", "--enqueue", "--no-progress", "--shard-size", shard], environment)
    began = time.perf_counter()
    _run(command, environment)
    seconds = time.perf_counter() - began
    if left := ImageAsset.objects.unhashed().count():
        raise SystemExit(f"{command} has left {left} rows unhashed")
    return seconds


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run([*MANAGE, *command], env=environment, stdout=subprocess.DEVNULL, check=True, timeout=300)


def _database_url() -> str:
    """Runs beside this process need the database by its name."""
    from django.db import connection

    return os.environ["DATABASE_URL"].replace("/postgres?", f"/{connection.settings_dict['NAME']}?")
