"""Milliseconds of the pages on which an editor deletes 500,000 marked duplicates.

`python -m benchmarks.marked_duplicates [--marks N]`, on SQLite, or on PostgreSQL after
`python -m servers.postgresql`. Each image is marked as a duplicate of the one before it or is the keeper of the next.
No files exist.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from benchmarks.report import print_table, print_versions
from benchmarks.review import HEADS, row, timed
from benchmarks.scratch_site import add_hashed_rows, analyse_tables, scratch_site

TRIES = 5
# Marks of one click.
TOGETHER = 5
ADD_MARKS = """
INSERT INTO hashing_pairdecision
    (lower_id, higher_id, verdict, duplicate_id, lower_file, higher_file, decided_by_id, decided_at, batch)
SELECT keeper.id, copy.id, 'same', copy.id, keeper.image, copy.image, %s, copy.created_at, {batch}
FROM hashing_imageasset AS copy JOIN hashing_imageasset AS keeper ON keeper.id = copy.id - 1
WHERE copy.id %% 2 = 0 ORDER BY copy.id
"""


def add_marks(user_pk: int) -> None:
    from django.db import connection

    text = f"substr('{UUID(int=0).hex}' || (copy.id / {2 * TOGETHER}), -32)"
    if connection.vendor == "postgresql":
        text = f"lpad((copy.id / {2 * TOGETHER})::text, 32, '0')::uuid"
    with connection.cursor() as cursor:
        cursor.execute(ADD_MARKS.format(batch=text), [user_pk])
        cursor.execute("UPDATE hashing_imageasset SET file_size = 100000 + id * 7919 %% 5000000", [])
    analyse_tables()


def addresses_of_pages() -> dict[str, str]:
    from django.urls import reverse

    marked = reverse("admin:hashing_markedduplicate_changelist")
    filters = {
        "of one person": "by=1",
        "decided today": "decided=today",
        "decided earlier": "decided=earlier",
        "whose keeper is there": "keeper=sound",
        "whose keeper is missing": "keeper=missing",
        "over 1 MB": "bytes=large",
        "in a folder": "folder=images/2026/01",
    }
    searches = {"a file name": "photo00005000.jpg", "a number": "5000", "part of a name": "0500", "no name": "nowhere"}
    return {
        "the admin's front page": reverse("admin:index"),
        "marked duplicates": marked,
        "page 200": f"{marked}?p=200",
        "sorted by size": f"{marked}?o=1",
        **{name: f"{marked}?{query}" for name, query in filters.items()},
        **{f"search for {name}": f"{marked}?q={text}" for name, text in searches.items()},
        "decisions": reverse("admin:hashing_pairdecision_changelist"),
        "decisions, search for part of a name": reverse("admin:hashing_pairdecision_changelist") + "?q=0500",
    }


def measure_pages(client: Any) -> Iterator[list[object]]:
    for name, address in addresses_of_pages().items():
        timed(client.get, address)
        yield row(name, [timed(client.get, address) for _ in range(TRIES)])


def measure_confirmation(client: Any, marks: int) -> Iterator[list[object]]:
    from django.urls import reverse

    address = reverse("admin:hashing_markedduplicate_changelist")
    data = {"action": "delete_selected", "select_across": "1", "index": "0", "_selected_action": "2"}
    yield row(f"confirmation for {marks:,}", [timed(client.post, address, data) for _ in range(2)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--marks", type=int, default=500_000)
    given = parser.parse_args()
    with scratch_site() as database:
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.test import Client

        settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
        add_hashed_rows(2 * given.marks)
        user = User.objects.create_superuser("benchmark")
        add_marks(user.pk)
        client = Client()
        client.force_login(user)
        rows = [*measure_pages(client), *measure_confirmation(client, given.marks)]
        print_table(f"{given.marks:,} marks among {2 * given.marks:,} images, {database}", HEADS, rows)
        print_versions("django")


if __name__ == "__main__":
    main()
