"""How far from each piece to look: the radii that cost least in a table of a given size, or a scan of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb, log2
from typing import NamedTuple

from hashing.search.bands import Piece

# Beyond it, the values of one piece are too many to be worth a look.
MAX_RADIUS = 5


class Costs(NamedTuple):
    """Microseconds for a looked-up value, a row that was found and is compared, and a row of a scan.

    `copy` is added for each further orientation that a row is compared in.
    """

    lookup: float
    row: float
    scanned_row: float
    copy: float


# Measured on one core of two, by `benchmarks.search`.
COSTS = {"postgresql": Costs(1.1, 1.2, 0.5, 0.08), "sqlite": Costs(1.5, 2.2, 1.0, 0.2)}


@dataclass(frozen=True)
class Plan:
    """A radius for each piece, -1 where it is not looked up; none where all rows are scanned. Time as predicted."""

    radii: tuple[int, ...] | None
    milliseconds: float


def choose_plan(pieces: tuple[Piece, ...], distance: int, rows: int, copies: int, vendor: str) -> Plan:
    """Return the cheapest way to find what is within `distance` of `copies` fingerprints that are cut in `pieces`."""
    # Rounded, so that a growing table has few plans, which are kept.
    return _choose_plan(pieces, distance, round(log2(max(rows, 1))), copies, COSTS[vendor])


@lru_cache(maxsize=1024)
def _choose_plan(pieces: tuple[Piece, ...], distance: int, magnitude: int, copies: int, costs: Costs) -> Plan:
    rows = 1 << magnitude
    comparing = costs.copy * (copies - 1)
    scan = Plan(None, rows * (costs.scanned_row + comparing) / 1000)
    found = _cheapest_radii(pieces, distance, rows, costs._replace(row=costs.row + comparing))
    if found is None:
        return scan
    time, radii = found
    return min(Plan(radii, copies * time / 1000), scan, key=lambda plan: plan.milliseconds)


def _cheapest_radii(
    pieces: tuple[Piece, ...], distance: int, rows: int, costs: Costs
) -> tuple[float, tuple[int, ...]] | None:
    """Microseconds for one fingerprint, and the radii. None where no radii up to the largest cover the distance."""
    cheapest: dict[int, tuple[float, tuple[int, ...]]] = {0: (0, ())}
    for piece in pieces:
        extended: dict[int, tuple[float, tuple[int, ...]]] = {}
        for total, (time, radii) in cheapest.items():
            for radius in range(-1, MAX_RADIUS + 1):
                option = (time + _band_time(piece, radius, rows, costs), (*radii, radius))
                extended[total + radius] = min(option, extended.get(total + radius, option))
        cheapest = extended
    return cheapest.get(distance - (len(pieces) - 1))


def _band_time(piece: Piece, radius: int, rows: int, costs: Costs) -> float:
    found = piece.skew * rows / (1 << piece.bits)
    return count_within(piece.bits, radius) * (costs.lookup + costs.row * found)


def count_within(width: int, radius: int) -> int:
    """Return how many values of `width` bits are within the radius of one."""
    return sum(comb(width, count) for count in range(radius + 1))
