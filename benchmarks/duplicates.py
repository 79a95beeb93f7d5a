"""Seconds and memory of `find_duplicates` over a whole table, and milliseconds of the pages that review its groups.

`python -m benchmarks.duplicates [--rows N]`, on SQLite, or on PostgreSQL after `python -m servers.postgresql`.
The rows have made-up hashes with the statistics of photographs; one in twenty is a near-copy of another, one in twenty
a blank page, and one in ten the same placeholder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

from benchmarks.report import print_table, print_versions
from benchmarks.scratch_site import add_hashed_rows, count_queries, scratch_site

RUN_HEADS = ["run", "seconds", "peak, MB", "stored"]
PAGE_HEADS = ["page", "queries", "median, ms"]
FIND = [sys.executable, "manage.py", "find_duplicates", "--no-progress"]
TRIES = 5
PLACEHOLDER = {
    "perceptual_hash": "0f1e2d3c4b5a6978",
    "vertical_hash": "8796a5b4c3d2e1f0",
    "detail_hash": 4 * "0f1e2d3c4b5a6978",
    "hash_quality": 90,
    "file_digest": 64 * "f",
}


def add_placeholders(rows: int) -> None:
    from hashing.models import ImageAsset

    ImageAsset.objects.filter(pk__lte=rows // 10).update(**PLACEHOLDER)


def run_command(environment: dict[str, str]) -> tuple[float, float, str]:
    """Return the seconds, the peak memory of the process in MB, and what it has stored."""
    began = time.perf_counter()
    process = subprocess.Popen(FIND, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
    text = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(text)
    (stored,) = (line for line in text.splitlines() if line.startswith("Stored"))
    return time.perf_counter() - began, usage.ru_maxrss / 1024, stored.removeprefix("Stored: ")


def measure_page(client: Any, address: str) -> tuple[int, float]:
    times, number = [], 0
    for _ in range(TRIES):
        with count_queries() as queries:
            began = time.perf_counter()
            response = client.get(address)
            times.append(1000 * (time.perf_counter() - began))
        if response.status_code != 200:
            sys.exit(f"{address}: status {response.status_code}")
        number = queries.number
    return number, median(times)


def measure_pages() -> list[list[object]]:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    from hashing.models import DuplicateGroup

    client = Client()
    client.force_login(User.objects.create_superuser("benchmark"))
    groups = reverse("admin:hashing_duplicategroup_changelist")
    largest = DuplicateGroup.objects.order_by("-size")[0]
    pages = {
        "first page": groups,
        "page 100": f"{groups}?p=100",
        "groups of two, nearly identical": f"{groups}?images=2&likeness=nearly",
        f"the largest group, of {largest.size:,}": reverse("admin:hashing_duplicategroup_change", args=(largest.pk,)),
    }
    return [[name, *measure_page(client, address)] for name, address in pages.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with scratch_site() as database:
        from django.conf import settings
        from django.db import connection

        settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
        add_hashed_rows(given.rows)
        add_placeholders(given.rows)
        # Another process knows the database by its name only.
        name = str(connection.settings_dict["NAME"])
        url = os.environ["DATABASE_URL"]
        environment = {} if connection.vendor == "sqlite" else {"DATABASE_URL": url.replace("/postgres?", f"/{name}?")}
        runs = [[label, *run_command(environment)] for label in ("first", "again")]
        print_table(f"find_duplicates among {given.rows:,} rows, {database}", RUN_HEADS, runs)
        print_table("Review of the groups", PAGE_HEADS, measure_pages())
        print_versions("django", "numpy")


if __name__ == "__main__":
    main()
