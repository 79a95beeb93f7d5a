"""Milliseconds of a search by distance among a million rows and more, and of a scan of them all.

The rows have made-up hashes with the statistics of photographs, near-copies among them; one in twenty is a blank page,
and 17% have a frame.
`make bench-search` runs this on PostgreSQL and on SQLite, `make bench-search ROWS=10000000` with more rows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from random import Random
from statistics import mean, median
from typing import Any

from django.test import override_settings

from benchmarks.report import print_table, print_versions
from benchmarks.scratch_site import add_hashed_rows, scratch_site

HEADS = ["search", "searches", "median, ms", "rows found, mean"]
DISTANCES = (0, 25, 50, 80, 100)
# The scan is made for this distance, and no search up to it may scan the table.
DISTANCE = 100
WARM_UP_SEARCHES = 10

# From an `ImageAsset` to an iterable of rows.
Search = Callable[[Any], Any]
Measured = list[tuple[float, int]]


def searches() -> dict[str, Search]:
    return {
        **{f"max_distance {distance}": partial(search, max_distance=distance) for distance in DISTANCES},
        **{
            f"max_distance {distance}, any orientation": partial(search, max_distance=distance, any_orientation=True)
            for distance in (50, 100)
        },
    }


def search(asset: Any, **options: Any) -> Any:
    from hashing.models import ImageAsset

    return ImageAsset.objects.similar_to(asset, **options)


def search_wholes(asset: Any, **options: Any) -> Any:
    """Search without comparing what is inside frames."""
    with override_settings(HASHING={"COMPARE_INSIDE_FRAMES": False}):
        return search(asset, **options)


def scan(asset: Any) -> Any:
    """Return the same answer as `similar_to`, from the distance of every row."""
    from hashing.models import ImageAsset
    from hashing.search.distance import MatchDistance
    from hashing.search.query import HashQuery
    from hashing.search.similar import rule_of

    query = HashQuery.of(asset, DISTANCE, any_orientation=False, include_low_quality=False)
    rows: Any = ImageAsset.objects.exclude(pk=asset.pk).filter(rule_of(query))
    return rows.annotate(distance=MatchDistance(query)).order_by("distance", "pk")


def choose_assets(count: int, rows: int, seed: int) -> list[Any]:
    """Return random assets that are no blank pages, in random order."""
    from hashing.models import ImageAsset

    dice = Random(seed)
    keys = dice.sample(range(1, rows + 1), min(2 * count, rows))
    assets = list(ImageAsset.objects.comparable().filter(pk__in=keys).order_by("pk")[:])
    dice.shuffle(assets)
    return assets[:count]


def measure(ways: Mapping[str, Search], subjects: Iterable[Any]) -> dict[str, Measured]:
    """Return the milliseconds and the number of rows of each search. The ways take turns, in both orders by turns.

    The first one fills the caches for the others.
    """
    seen: dict[str, Measured] = {name: [] for name in ways}
    for number, subject in enumerate(subjects):
        for name, way in list(ways.items())[:: (-1) ** number]:
            began = time.perf_counter()
            found = len(list(way(subject)))
            seen[name].append((1000 * (time.perf_counter() - began), found))
    return seen


def compare_insides(assets: Iterable[Any]) -> list[list[Any]]:
    """Return rows of a table: how long searches take with what is inside frames, and without."""
    rows: list[list[Any]] = []
    for name, options in ({"upright": {}, "any orientation": {"any_orientation": True}}).items():
        ways = {way.__name__: partial(way, max_distance=DISTANCE, **options) for way in (search, search_wholes)}
        measured = measure(ways, assets)
        compared, alone = (median(time for time, _ in measured[way]) for way in ways)
        rows.append([name, compared, alone, compared / alone])
    return rows


def summarise(measured: Mapping[str, Measured]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for name, results in measured.items():
        times, found = zip(*results, strict=True)
        rows.append([name, len(times), median(times), float(mean(found))])
    return rows


def check_plans(asset: Any) -> None:
    for distance, turned in product(range(0, DISTANCE + 1, 10), [False, True]):
        plan = search(asset, max_distance=distance, any_orientation=turned).explain()
        if "Seq Scan" in plan or "SCAN hashing_imageasset" in plan:
            sys.exit(f"The table is scanned at distance {distance}, any_orientation={turned}:\n{plan}")


def check_answers(assets: Iterable[Any]) -> None:
    for asset in assets:
        expected = [(row.pk, row.distance) for row in scan(asset)]
        found = [(row.pk, row.distance) for row in search(asset, max_distance=DISTANCE)]
        if found != expected:
            sys.exit(f"Asset {asset.pk}: {found}, but the scan finds {expected}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--searches", type=int, default=120, help="random assets to search by")
    parser.add_argument("--scans", type=int, default=7, help="of them, those to scan by")
    given = parser.parse_args()
    with scratch_site() as database:
        add_hashed_rows(given.rows)
        assets = choose_assets(given.searches, given.rows, seed=2)
        check_plans(assets[0])
        check_answers(assets[: given.scans])
        # Fill the caches first: those of a site in use are full.
        measure(searches(), assets[-WARM_UP_SEARCHES:])
        found = summarise(measure(searches(), assets))
        scans = summarise(measure({f"max_distance {DISTANCE}, scan of all rows": scan}, assets[: given.scans]))
        print_table(f"Search among {given.rows:,} rows, {database}", HEADS, found + scans)
        [of_search] = [row[2] for row in found if row[0] == f"max_distance {DISTANCE}"]
        print(f"The scan takes {scans[0][2] / of_search:,.0f} times as long as the search at max_distance {DISTANCE}.")
        heads = [f"max_distance {DISTANCE}", "with insides, ms", "wholes alone, ms", "ratio"]
        print_table("What is inside frames", heads, compare_insides(assets))
    print_versions("django", "psycopg", "numpy")


if __name__ == "__main__":
    main()
