"""Queries and seconds of the admin's list at a size: `python -m servers.postgresql python -m benchmarks.admin [ROWS]`.

Rows are made up, 2% of them waiting and 1% failed, in the database that `DATABASE_URL` names, which is emptied first.
Prints a Markdown table: the number of queries, the median of five requests, and how much of it was the database.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import django

PAGES = {
    "first page": "",
    "the page in the middle": "?p={page}",
    "by name": "?o=2",
    "by hash": "?o=5",
    "by date": "?o=-7",
    "state: hashed": "?state=hashed",
    "state: waiting": "?state=waiting",
    "state: failed": "?state=failed",
    "added in the last week": "?created_at__gte=2026-01-25+00:00:00%2B00:00",
    "search by key": "?q=5000",
    "search by hash": "?q={hash}",
    "search by name, many": "?q=photo",
    "search by name, one": "?q=photo0012345",
    "search by name, none": "?q=nothing-of-the-kind",
}
TRIES = 5
BATCH = 20_000


def fill(count: int) -> str:
    """Returns the hash of the middle row."""
    from hashing.models import ImageAsset

    random, start = Random(1), datetime(2025, 2, 1, tzinfo=UTC)
    rows = (_row(ImageAsset, number, random, start + timedelta(days=365 * number / count)) for number in range(count))
    batch: list[Any] = []
    middle = ""
    for number, row in enumerate(rows):
        batch.append(row)
        if number >= count // 2 and not middle:
            middle = row.perceptual_hash or ""
        if len(batch) == BATCH:
            ImageAsset.objects.bulk_create(batch)
            batch = []
    ImageAsset.objects.bulk_create(batch)
    return middle


def _row(model: Any, number: int, random: Random, moment: datetime) -> Any:
    facts: dict[str, Any] = {}
    share = random.random()
    if share < 0.97:
        hashes = {name: f"{random.getrandbits(64):016x}" for name in ("perceptual_hash", "vertical_hash")}
        facts = {**hashes, "hash_quality": 90, "hash_version": 1, "width": 4000, "height": 3000, "file_size": 3_000_000}
    elif share < 0.98:
        facts = {"hash_error": "ValueError: Failed to process image: the file is empty"}
    if facts:
        facts["hashed_at"] = moment
    return model(image=f"images/{moment:%Y/%m}/photo{number:07}.jpg", created_at=moment, **facts)


def measure(client: Any, address: str) -> tuple[int, float, float]:
    """Number of queries, median seconds of a request, and of its queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    requests, databases, count = [], [], 0
    for _ in range(TRIES):
        with CaptureQueriesContext(connection) as queries:
            started = time.perf_counter()
            response = client.get(address)
            requests.append(time.perf_counter() - started)
        if response.status_code != 200:
            raise SystemExit(f"{address}: status {response.status_code}")
        databases.append(sum(float(query["time"]) for query in queries.captured_queries))
        count = len(queries)
    return count, statistics.median(requests), statistics.median(databases)


def main(count: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    os.environ["DEBUG"] = "1"
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # The hashes come in no order, and would be written to all pages of their indexes again and again.
            cursor.execute("PRAGMA cache_size = -400000")
        middle = fill(count)
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    client = Client()
    client.force_login(User.objects.create_superuser("benchmark"))
    print(f"{count:,} rows, {connection.vendor}\n")
    print("| list | queries | request, ms | of that in queries, ms |\n|---|---:|---:|---:|")
    for name, query in PAGES.items():
        address = reverse("admin:hashing_imageasset_changelist") + query.format(hash=middle, page=max(1, count // 100))
        queries, seconds, in_queries = measure(client, address)
        print(f"| {name} | {queries} | {seconds * 1000:.0f} | {in_queries * 1000:.0f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
