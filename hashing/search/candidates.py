from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, log2
from typing import Any, NamedTuple

from django.db.models import BooleanField, Expression, F
from django.db.models.expressions import Col

from hashing.db.table_size import estimate_rows
from hashing.search.bands import Band, BandValue, SearchQuality, masks
from hashing.search.distance import check_vendor

# Beyond it, the values of one band are too many to be worth a look.
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
    """A radius for each band, -1 where it is not looked up; none where all rows are scanned. Time as predicted."""

    radii: tuple[int, ...] | None
    milliseconds: float


def choose_plan(bands: tuple[Band, ...], distance: int, rows: int, copies: int, vendor: str) -> Plan:
    """Return the cheapest way to find what is within `distance` of `copies` fingerprints that are cut in `bands`."""
    # Rounded, so that a growing table has few plans, which are kept.
    return _choose_plan(bands, distance, round(log2(max(rows, 1))), copies, COSTS[vendor])


@lru_cache(maxsize=1024)
def _choose_plan(bands: tuple[Band, ...], distance: int, magnitude: int, copies: int, costs: Costs) -> Plan:
    rows = 1 << magnitude
    comparing = costs.copy * (copies - 1)
    scan = Plan(None, rows * (costs.scanned_row + comparing) / 1000)
    found = _cheapest_radii(bands, distance, rows, costs._replace(row=costs.row + comparing))
    if found is None:
        return scan
    time, radii = found
    return min(Plan(radii, copies * time / 1000), scan, key=lambda plan: plan.milliseconds)


def _cheapest_radii(
    bands: tuple[Band, ...], distance: int, rows: int, costs: Costs
) -> tuple[float, tuple[int, ...]] | None:
    """Microseconds for one fingerprint, and the radii. None where no radii up to the largest cover the distance."""
    cheapest: dict[int, tuple[float, tuple[int, ...]]] = {0: (0, ())}
    for band in bands:
        extended: dict[int, tuple[float, tuple[int, ...]]] = {}
        for total, (time, radii) in cheapest.items():
            for radius in range(-1, MAX_RADIUS + 1):
                option = (time + _band_time(band, radius, rows, costs), (*radii, radius))
                extended[total + radius] = min(option, extended.get(total + radius, option))
        cheapest = extended
    return cheapest.get(distance - (len(bands) - 1))


def _band_time(band: Band, radius: int, rows: int, costs: Costs) -> float:
    found = band.skew * rows / (1 << band.bits)
    return count_within(band.bits, radius) * (costs.lookup + costs.row * found)


def count_within(width: int, radius: int) -> int:
    """Return how many values of `width` bits are within the radius of one."""
    return sum(comb(width, count) for count in range(radius + 1))


# The masks go to the database as one text, and are combined with the values there.
_IS_NEAR = {
    "postgresql": """{band} = ANY(ARRAY(
        SELECT mask # value FROM unnest(%s::int[]) AS masks(mask), unnest(%s::int[]) AS near(value)))""",
    "sqlite": """{band} IN (
        SELECT printf('%%0{length}x', (near.value | masks.value) - (near.value & masks.value))
        FROM json_each(%s) AS masks, json_each(%s) AS near)""",
}
_NUMBERS = {"postgresql": "{{{}}}", "sqlite": "[{}]"}
_EVERY_ROW = "(1 = 1)"


class IsCandidate(Expression):
    """Whether a band of a row is near the same band of one of the fingerprints, or the row's file has the digest.

    Of rows that differ in at most `distance` bits from one of them none is left out. The radii are chosen when the
    query is compiled, by the size of the table; where a scan costs less, the condition holds for every row.
    """

    conditional = True

    def __init__(
        self,
        bands: tuple[Band, ...],
        values: tuple[tuple[int, ...], ...],
        distance: int,
        min_quality: int,
        file_digest: str | None = None,
    ) -> None:
        """`values`: for each band, those of the fingerprints."""
        super().__init__(output_field=BooleanField())
        self.bands, self.values, self.distance = bands, values, distance
        self.min_quality, self.file_digest = min_quality, file_digest
        self._sources: list[Any] = [
            *(BandValue(F(band.field), *band.parts) for band in bands),
            SearchQuality(F("hash_quality")),
            F("file_digest"),
        ]

    def get_source_expressions(self) -> list[Any]:
        return self._sources

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self._sources = list(exprs)

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, tuple[Any, ...]]:
        check_vendor(connection)
        radii = self._plan(connection).radii
        if radii is None:
            return _EVERY_ROW, ()
        *columns, quality, digest = (compiler.compile(source)[0] for source in self._sources)
        arms: list[str] = []
        params: list[Any] = []
        template, literal = _IS_NEAR[connection.vendor], _NUMBERS[connection.vendor]
        for band, column, values, radius in zip(self.bands, columns, self.values, radii, strict=True):
            if radius < 0:
                continue
            arm = template.format(band=column, length=band.length)
            params += [_mask_text(band.bits, radius, literal), literal.format(",".join(map(str, values)))]
            if self.min_quality:
                arm = f"({arm} AND {quality} >= %s)"
                params.append(self.min_quality)
            arms.append(arm)
        if self.file_digest is not None:
            arms.append(f"{digest} = %s")
            params.append(self.file_digest)
        return f"({' OR '.join(arms)})", tuple(params)

    def _plan(self, connection: Any) -> Plan:
        (column,) = self._sources[-1:]
        table = column.target.model._meta.db_table if isinstance(column, Col) else None
        rows = estimate_rows(connection, table) if table else 0
        return choose_plan(self.bands, self.distance, rows, len(self.values[0]), connection.vendor)


def near_copies(
    bands: tuple[Band, ...], texts: Sequence[str], distance: int, min_quality: int = 0, file_digest: str | None = None
) -> IsCandidate:
    """`texts`: the hexadecimal hashes that the bands are cut from, in a row, for each orientation."""
    columns = list(dict.fromkeys(band.field for band in bands))
    starts = {field: number * 16 for number, field in enumerate(columns)}
    values = tuple(
        tuple(dict.fromkeys(int(band.cut(text[starts[band.field] :]), 16) for text in texts)) for band in bands
    )
    return IsCandidate(bands, values, distance, min_quality, file_digest)


@lru_cache
def _mask_text(bits: int, radius: int, literal: str) -> str:
    return literal.format(",".join(map(str, masks(bits, radius))))
