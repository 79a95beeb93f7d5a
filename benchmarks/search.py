"""Milliseconds of a search by distance among a million rows and more, and of a scan of them all.

The rows have made-up hashes, skewed as those of photographs are, with near-copies among them; one in twenty is a blank
page. `make bench-search` runs this on PostgreSQL and on SQLite, `make bench-search ROWS=10000000` with more rows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from statistics import mean, median, quantiles
from typing import Any, NamedTuple

from benchmarks.many_rows import fill
from benchmarks.scratch_site import scratch_site
from benchmarks.table import print_table, print_versions

HEADS = ["search", "searches", "median, ms", "95th percentile, ms", "rows found, mean"]
DISTANCES = (0, 3, 5, 8, 10)
# The search that the scan is compared with.
DISTANCE = 5
# Up to here no search may scan the table.
INDEXED_DISTANCE = 8

# Rows of `hashing.models.ImageAsset`, which cannot be imported before the site is set up.
Search = Callable[[Any], Any]


class Figures(NamedTuple):
    """A row of the table; times in milliseconds."""

    search: str
    searches: int
    median: float
    highest: float
    found: float


def searches() -> dict[str, Search]:
    from hashing.models import ImageAsset

    search = ImageAsset.objects.similar_to
    return {
        **{f"distance {distance}": partial(search, max_distance=distance) for distance in DISTANCES},
        f"distance {DISTANCE}, any orientation": partial(search, max_distance=DISTANCE, any_orientation=True),
    }


def scan(asset: Any) -> Any:
    """The same answer as that of `similar_to`, from the distance of every row."""
    from django.db.models import Value

    from hashing.models import ImageAsset
    from hashing.search.distance import HammingDistance

    rows: Any = ImageAsset.objects.comparable().exclude(pk=asset.pk)
    rows = rows.annotate(
        distance=HammingDistance("perceptual_hash", Value(asset.perceptual_hash)),
        confirm_distance=HammingDistance("vertical_hash", Value(asset.vertical_hash)),
    )
    return rows.filter(distance__lte=DISTANCE, confirm_distance__lte=DISTANCE).order_by("distance", "pk")


def some_assets(count: int, rows: int, seed: int) -> list[Any]:
    """Random ones that are no blank pages, ordered at random too."""
    from hashing.models import ImageAsset

    dice = Random(seed)
    keys = dice.sample(range(1, rows + 1), 2 * count)
    assets = list(ImageAsset.objects.comparable().filter(pk__in=keys).order_by("pk")[:])
    dice.shuffle(assets)
    return assets[:count]


def timed(search: Search, asset: Any) -> tuple[float, list[Any]]:
    """Milliseconds until all rows are there, and their keys."""
    began = time.perf_counter()
    found = list(search(asset))
    return 1000 * (time.perf_counter() - began), [row.pk for row in found]


def measure(ways: Mapping[str, Search], assets: Iterable[Any]) -> list[Figures]:
    """For each way; the ways take turns."""
    seen: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    for asset in assets:
        for name, search in ways.items():
            milliseconds, found = timed(search, asset)
            seen[name].append((milliseconds, len(found)))
    return [_figures(name, *zip(*each, strict=True)) for name, each in seen.items()]


def _figures(name: str, times: tuple[float, ...], found: tuple[int, ...]) -> Figures:
    highest = quantiles(times, n=20)[-1] if len(times) >= 20 else max(times)
    return Figures(name, len(times), median(times), highest, float(mean(found)))


def check_plans(asset: Any) -> None:
    from hashing.models import ImageAsset

    for distance, turned in product(range(INDEXED_DISTANCE + 1), [False, True]):
        plan = ImageAsset.objects.similar_to(asset, distance, any_orientation=turned).explain()
        if "Seq Scan" in plan or "SCAN hashing_imageasset" in plan:
            sys.exit(f"The table is scanned at distance {distance}, any_orientation={turned}:\n{plan}")


def check_answers(assets: Iterable[Any]) -> None:
    from hashing.models import ImageAsset

    for asset in assets:
        expected = list(scan(asset).values_list("pk", "distance", "confirm_distance"))
        rows: Any = ImageAsset.objects.similar_to(asset, DISTANCE)
        found = list(rows.values_list("pk", "distance", "confirm_distance"))
        if found != expected:
            sys.exit(f"Asset {asset.pk}: {found}, but the scan finds {expected}")


def report(database: str, rows: int, searches_each: int, scans_each: int) -> None:
    """Measure and check in the database as it is, with the keys 1 to `rows`."""
    assets, ways = some_assets(searches_each, rows, seed=2), searches()
    scanned = assets[:scans_each]
    check_plans(assets[0])
    check_answers(scanned)
    # Once for nothing: what was read before is in memory, as it is on a site in use.
    measure(ways, assets[-10:])
    figures = {each.search: each for each in measure(ways, assets)}
    (scans,) = measure({f"distance {DISTANCE}, scan of all rows": scan}, scanned)
    print_table(f"Search among {rows:,} rows, {database}", HEADS, [*figures.values(), scans])
    ratio = scans.median / figures[f"distance {DISTANCE}"].median
    print(f"The scan takes {ratio:,.0f} times as long as the search at distance {DISTANCE}.")
    print_versions("django", *(["psycopg"] if database == "PostgreSQL" else []), "numpy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--searches", type=int, default=120, help="random assets that are searched by")
    parser.add_argument("--scans", type=int, default=7, help="of them, those that a scan is made for")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, scratch_site(Path(folder)) as database:
        fill(given.rows)
        report(database, given.rows, given.searches, given.scans)


if __name__ == "__main__":
    main()
