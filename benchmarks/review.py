"""Milliseconds of the pages and the decisions of an editor who reviews 30,000 groups.

`python -m benchmarks.review [--rows N] [--groups N]`, on SQLite, or on PostgreSQL after
`python -m servers.postgresql`. Groups have two to four images. A sixth of them is decided. The files of the groups that
are decided about exist, as files without contents.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

from benchmarks.report import print_table, print_versions
from benchmarks.scratch_site import add_hashed_rows, analyse_tables, count_queries, scratch_site

HEADS = ["request", "queries", "median, ms", "slowest, ms"]
DECISIONS, TRIES = 20, 7
# Successive keys from which each group takes the first images.
SPACING = 10
BATCH = 2000
SIZE_OF_GROUP = f"(copy.id - 1) / {SPACING} %% 3 + 2"
# The images of a group have the hashes of its keeper; those of a blank page also its digest, without which blank pages
# are never the same. Everything else is chosen so that the first image is the keeper.
MAKE_COPIES = f"""
UPDATE hashing_imageasset AS copy SET
    perceptual_hash = keeper.perceptual_hash, vertical_hash = keeper.vertical_hash, detail_hash = keeper.detail_hash,
    hash_quality = keeper.hash_quality, width = 4000 - (copy.id - 1) %% {SPACING},
    file_size = 100000 + copy.id * 7919 %% 5000000,
    file_digest = CASE WHEN keeper.hash_quality = 0 THEN keeper.file_digest ELSE copy.file_digest END
FROM hashing_imageasset AS keeper
WHERE copy.id <= %s AND keeper.id = copy.id - (copy.id - 1) %% {SPACING}
    AND (copy.id - 1) %% {SPACING} < {SIZE_OF_GROUP}
"""


class Timing(NamedTuple):
    queries: int
    milliseconds: float


def add_groups(count: int) -> None:
    """Make groups of the first rows, the last sixth of them decided."""
    from django.db import connection

    from hashing.grouping.group_rows import insert_groups, with_groups_locked
    from hashing.grouping.options import GroupingOptions
    from hashing.models import ImageAsset

    with connection.cursor() as cursor:
        cursor.execute(MAKE_COPIES, [count * SPACING])
    sizes = dict(ImageAsset.objects.filter(pk__lte=count * SPACING).values_list("pk", "file_size"))
    first_decided = count - count // 6
    found = [found_group(number, sizes, is_decided=number >= first_decided) for number in range(count)]
    for start in range(0, count, BATCH):
        with_groups_locked("default", insert_groups, found[start : start + BATCH], "default")
    GroupingOptions().remember("default")
    add_decisions(found[first_decided:])
    analyse_tables()


def found_group(number: int, sizes: dict[int, int | None], *, is_decided: bool) -> Any:
    from hashing.fingerprint.similarity import Match
    from hashing.grouping.finder import FoundGroup, FoundMember

    keeper = 1 + number * SPACING
    keys = range(keeper + 1, keeper + 2 + number % 3)
    return FoundGroup(keeper, [FoundMember(key, Match(0), is_decided, sizes[key] or 0) for key in keys])


def add_decisions(decided: list[Any]) -> None:
    from hashing.models import ImageAsset, PairDecision

    names = dict(ImageAsset.objects.filter(membership__isnull=False).values_list("pk", "image"))
    PairDecision.objects.bulk_create(
        (
            PairDecision(
                lower_id=group.keeper,
                higher_id=member.key,
                verdict=PairDecision.Verdict.SAME,
                duplicate_id=member.key,
                lower_file=names[group.keeper],
                higher_file=names[member.key],
                batch=uuid4(),
            )
            for group in decided
            for member in group.members
        ),
        batch_size=500,
    )


def make_files(groups: list[Any]) -> None:
    """Make the files of some groups, with the sizes that the rows have."""
    from hashing.models import ImageAsset

    members = ImageAsset.objects.filter(membership__group__in=groups)
    for asset in members:
        path = Path(asset.image.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(asset.file_size or 0)


def timed(send: Callable[..., Any], *arguments: Any) -> Timing:
    with count_queries() as queries:
        began = time.perf_counter()
        response = send(*arguments)
        seconds = time.perf_counter() - began
    if response.status_code != 200:
        sys.exit(f"status {response.status_code}: {response.content[:500]!r}")
    return Timing(queries.number, 1000 * seconds)


def row(name: str, timings: list[Timing]) -> list[object]:
    times = [timing.milliseconds for timing in timings]
    return [name, max(timing.queries for timing in timings), median(times), max(times)]


def measure_pages(client: Any) -> Iterator[list[object]]:
    for name, address in addresses_of_pages().items():
        timed(client.get, address)
        yield row(name, [timed(client.get, address) for _ in range(TRIES)])


def measure_decisions(client: Any) -> Iterator[list[object]]:
    """Decide about the first groups of the list, as its buttons do."""
    from django.urls import reverse

    for verdict in ("keep", "same", "different"):
        groups = first_groups()
        make_files(groups)
        yield row(
            f"decision: {verdict}",
            [timed(send_decision, client, form_of(group, verdict)) for group in groups],
        )
    for name, query in {"bytes": "?order=bytes", "a search": "?q=0500"}.items():
        groups = first_groups()
        make_files(groups)
        address = reverse("admin:hashing_duplicategroup_changelist") + query
        timings = [timed(send_decision, client, form_of(group, "keep", address)) for group in groups]
        yield row(f"decision: keep, in a list by {name}", timings)


def first_groups() -> list[Any]:
    from hashing.models import DuplicateGroup

    return list(DuplicateGroup.objects.open().order_by("max_distance", "keeper")[:DECISIONS])


def form_of(group: Any, verdict: str, return_to: str = "") -> dict[str, Any]:
    from django.contrib import admin
    from django.http import HttpRequest

    from hashing.admin.review.presentation import present_groups
    from hashing.admin.visibility import ImageAccess

    [shown] = present_groups([group], ImageAccess(HttpRequest(), admin.site))
    card = shown.cards[0 if verdict == "keep" else 1]
    return {**shown.form_values, verdict: card.asset.pk, "return_to": return_to}


def send_decision(client: Any, data: dict[str, Any]) -> Any:
    from django.urls import reverse

    address = reverse("admin:hashing_duplicategroup_decide")
    return client.post(address, data, headers={"Accept": "application/json"})


def addresses_of_pages() -> dict[str, str]:
    from django.urls import reverse

    from hashing.admin.review.orders import ORDERS
    from hashing.models import DuplicateGroup

    groups = reverse("admin:hashing_duplicategroup_changelist")
    middle = DuplicateGroup.objects.filter(open_count__gt=0).order_by("pk")[100]
    page = f"{reverse('admin:hashing_duplicategroup_change', args=(middle.pk,))}?image={middle.keeper_id}"
    searches = {"a file name": "photo00005001.jpg", "a number": "5001", "part of a name": "0500", "no name": "nowhere"}
    return {
        "the admin's front page": reverse("admin:index"),
        "first page of groups": groups,
        "page 500": f"{groups}?p=500",
        "the page of a group": page,
        "the page of a group, by name": f"{page}&order=name",
        **{f"sorted by {name}": f"{groups}?order={name}" for name in ORDERS if name != "surest"},
        **{f"search for {name}": f"{groups}?q={text}" for name, text in searches.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=30_000)
    given = parser.parse_args()
    with scratch_site() as database:
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.test import Client

        settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
        add_hashed_rows(given.rows)
        add_groups(min(given.groups, given.rows // SPACING))
        client = Client()
        client.force_login(User.objects.create_superuser("benchmark"))
        rows = [*measure_pages(client), *measure_decisions(client)]
        print_table(f"{given.groups:,} groups among {given.rows:,} images, {database}", HEADS, rows)
        print_versions("django")


if __name__ == "__main__":
    main()
