"""Choose the radius of each band: how many of its bits may differ in a value that is looked up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb, log2
from typing import NamedTuple

from hashing.search.bands import Band

# A larger radius has too many values for the expressions of one query.
MAX_RADIUS = 5


class Costs(NamedTuple):
    """Microseconds to look up a value, to compare a row that was found, and to compare a row of a scan.

    `copy` is added to both comparisons for each further orientation.
    """

    lookup: float
    row: float
    scanned_row: float
    copy: float


# Measured by `benchmarks.search`, on one core of two.
COSTS = {"postgresql": Costs(1.1, 1.2, 0.5, 0.08), "sqlite": Costs(1.5, 2.2, 1.0, 0.2)}


@dataclass(frozen=True)
class Plan:
    """The radius of each band, -1 for a band that is not looked up; None to scan the table. The time is an estimate."""

    radii: tuple[int, ...] | None
    milliseconds: float


def choose_plan(
    bands: tuple[Band, ...], distance: int, rows: int, copies: int, vendor: str, *, is_partial: bool = False
) -> Plan:
    """Return the cheapest way to find all rows within `distance` bits of one of `copies` fingerprints.

    `rows` are those of the table, or with `is_partial` those of partial indexes: a scan finds them by such an index.
    """
    # Rounding the size to a power of two keeps the cache effective while the table grows.
    return cached_plan(bands, distance, round(log2(max(rows, 1))), copies, COSTS[vendor], is_partial=is_partial)


@lru_cache(maxsize=1024)
def cached_plan(
    bands: tuple[Band, ...], distance: int, magnitude: int, copies: int, costs: Costs, *, is_partial: bool
) -> Plan:
    rows = 1 << magnitude
    further_copies = costs.copy * (copies - 1)
    scanned_row = (costs.row if is_partial else costs.scanned_row) + further_copies
    scan = Plan(None, rows * scanned_row / 1000)
    cheapest = cheapest_radii(bands, distance, rows, costs._replace(row=costs.row + further_copies))
    if cheapest is None:
        return scan
    microseconds, radii = cheapest
    return min(Plan(radii, copies * microseconds / 1000), scan, key=lambda plan: plan.milliseconds)


def cheapest_radii(
    bands: tuple[Band, ...], distance: int, rows: int, costs: Costs
) -> tuple[float, tuple[int, ...]] | None:
    """Return the microseconds for one fingerprint, and the radii; None if no radii up to MAX_RADIUS cover `distance`.

    By dynamic programming over the sum of the radii.
    """
    cheapest: dict[int, tuple[float, tuple[int, ...]]] = {0: (0, ())}
    for band in bands:
        extended: dict[int, tuple[float, tuple[int, ...]]] = {}
        for total, (time, radii) in cheapest.items():
            for radius in range(-1, MAX_RADIUS + 1):
                option = (time + lookup_time(band, radius, rows, costs), (*radii, radius))
                extended[total + radius] = min(option, extended.get(total + radius, option))
        cheapest = extended
    return cheapest.get(distance - (len(bands) - 1))


def lookup_time(band: Band, radius: int, rows: int, costs: Costs) -> float:
    rows_per_value = band.skew * rows / (1 << band.bits)
    return count_within(band.bits, radius) * (costs.lookup + costs.row * rows_per_value)


def count_within(bits: int, radius: int) -> int:
    """Return how many values of `bits` bits differ from a given one in at most `radius` bits."""
    return sum(comb(bits, count) for count in range(radius + 1))
