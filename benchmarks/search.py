"""Milliseconds of a search by distance among a million rows and more, and of a scan of them all.

The rows have made-up hashes, skewed as those of photographs are, with near-copies among them; one in twenty is a blank
page. `make bench-search` runs this on PostgreSQL and on SQLite, `make bench-search ROWS=10000000` with more rows.
With `--against DIR`, the checkout of an earlier commit searches a table of its own in the same run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from statistics import mean, median, quantiles
from typing import Any, NamedTuple

from benchmarks.earlier_checkout import EarlierCheckout, earlier_checkout
from benchmarks.many_rows import fill
from benchmarks.scratch_site import scratch_site
from benchmarks.table import print_table, print_versions

HEADS = ["search", "searches", "median, ms", "95th percentile, ms", "rows found, mean"]
DISTANCES = (0, 25, 50, 80, 100)
# The search that the scan is compared with, and up to which none may scan the table.
DISTANCE = 100
# Distances of this rule and of the earlier one, which compared each hash of 64 bits by itself; and how many times as
# long as that the search may take.
COMPARED = ((50, 5, 1.8), (100, 10, 2.5))

# A row of `hashing.models.ImageAsset`, which cannot be imported before the site is set up; milliseconds, rows found.
Search = Callable[[Any], tuple[float, int]]


class Figures(NamedTuple):
    """A row of the table; times in milliseconds."""

    search: str
    searches: int
    median: float
    highest: float
    found: float


def searches() -> dict[str, Search]:
    return {
        **{f"max_distance {distance}": partial(search, max_distance=distance) for distance in DISTANCES},
        **{
            f"max_distance {distance}, any orientation": partial(search, max_distance=distance, any_orientation=True)
            for distance in (50, 100)
        },
    }


def search(asset: Any, **options: Any) -> tuple[float, int]:
    from hashing.models import ImageAsset

    return timed(ImageAsset.objects.similar_to(asset, **options))


def scan(asset: Any) -> tuple[float, int]:
    return timed(scanned(asset))


def scanned(asset: Any) -> Any:
    """The same answer as that of `similar_to`, from the distance of every row."""
    from hashing.models import ImageAsset
    from hashing.search.distance import MatchDistance
    from hashing.search.query import HashQuery
    from hashing.search.similar import rule_of

    query = HashQuery.of(asset, DISTANCE, any_orientation=False, include_low_quality=False)
    rows: Any = ImageAsset.objects.exclude(pk=asset.pk).filter(rule_of(query))
    return rows.annotate(distance=MatchDistance(query)).order_by("distance", "pk")


def earlier_searches(earlier: EarlierCheckout) -> dict[str, Search]:
    def ask(distance: int) -> Search:
        return lambda asset: earlier.search(asset.pk, max_distance=distance)

    return {f"earlier, distance {distance}": ask(distance) for _, distance, _ in COMPARED}


def some_assets(count: int, rows: int, seed: int) -> list[Any]:
    """Random ones that are no blank pages, ordered at random too."""
    from hashing.models import ImageAsset

    dice = Random(seed)
    keys = dice.sample(range(1, rows + 1), 2 * count)
    assets = list(ImageAsset.objects.comparable().filter(pk__in=keys).order_by("pk")[:])
    dice.shuffle(assets)
    return assets[:count]


def timed(rows: Any) -> tuple[float, int]:
    """Milliseconds until all rows are there, and how many there are."""
    began = time.perf_counter()
    found = list(rows)
    return 1000 * (time.perf_counter() - began), len(found)


def measure(ways: Mapping[str, Search], assets: Iterable[Any]) -> dict[str, Figures]:
    """For each way; the ways take turns."""
    seen: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    for asset in assets:
        for name, way in ways.items():
            seen[name].append(way(asset))
    return {name: _figures(name, *zip(*each, strict=True)) for name, each in seen.items()}


def _figures(name: str, times: tuple[float, ...], found: tuple[int, ...]) -> Figures:
    highest = quantiles(times, n=20)[-1] if len(times) >= 20 else max(times)
    return Figures(name, len(times), median(times), highest, float(mean(found)))


def check_plans(asset: Any) -> None:
    from hashing.models import ImageAsset

    for distance, turned in product(range(0, DISTANCE + 1, 10), [False, True]):
        plan = ImageAsset.objects.similar_to(asset, distance, any_orientation=turned).explain()
        if "Seq Scan" in plan or "SCAN hashing_imageasset" in plan:
            sys.exit(f"The table is scanned at distance {distance}, any_orientation={turned}:\n{plan}")


def check_answers(assets: Iterable[Any]) -> None:
    from hashing.models import ImageAsset

    for asset in assets:
        expected = [(row.pk, row.distance) for row in scanned(asset)]
        rows: Any = ImageAsset.objects.similar_to(asset, DISTANCE)
        found = [(row.pk, row.distance) for row in rows]
        if found != expected:
            sys.exit(f"Asset {asset.pk}: {found}, but the scan finds {expected}")


def report(database: str, rows: int, searches_each: int, scans_each: int, earlier: EarlierCheckout | None) -> None:
    """Measure and check in the database as it is, with the keys 1 to `rows`."""
    assets, ways = some_assets(searches_each, rows, seed=2), searches()
    ways |= earlier_searches(earlier) if earlier else {}
    check_plans(assets[0])
    check_answers(assets[:scans_each])
    # Once for nothing: what was read before is in memory, as it is on a site in use.
    measure(ways, assets[-10:])
    figures = measure(ways, assets)
    scans = measure({f"max_distance {DISTANCE}, scan of all rows": scan}, assets[:scans_each])
    print_table(f"Search among {rows:,} rows, {database}", HEADS, [*figures.values(), *scans.values()])
    (scan_figures,) = scans.values()
    ratio = scan_figures.median / figures[f"max_distance {DISTANCE}"].median
    print(f"The scan takes {ratio:,.0f} times as long as the search at max_distance {DISTANCE}.")
    for distance, before, most in COMPARED if earlier else ():
        ratio = figures[f"max_distance {distance}"].median / figures[f"earlier, distance {before}"].median
        print(f"max_distance {distance} takes {ratio:.2f} times as long as distance {before} did (at most {most}).")
    print_versions("django", *(["psycopg"] if database == "PostgreSQL" else []), "numpy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--searches", type=int, default=120, help="random assets that are searched by")
    parser.add_argument("--scans", type=int, default=7, help="of them, those that a scan is made for")
    parser.add_argument("--against", type=Path, metavar="DIR", help="checkout of an earlier commit")
    given = parser.parse_args()
    with ExitStack() as stack:
        earlier = stack.enter_context(earlier_checkout(given.against, given.rows)) if given.against else None
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = stack.enter_context(scratch_site(Path(folder)))
        fill(given.rows)
        report(database, given.rows, given.searches, given.scans, earlier)


if __name__ == "__main__":
    main()
