from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Self

from django.db import NotSupportedError
from django.db.models import F, Func, Lookup

from hashing.db.table_size import estimate_indexed_rows, estimate_rows
from hashing.fingerprint.similarity import Part
from hashing.search.bands import BANDS, INSIDE_BANDS, INSIDE_INDEX, SEARCH_QUALITY, Band
from hashing.search.plan import Plan, choose_plan

SQL = tuple[str, tuple[Any, ...]]


class Dialect(NamedTuple):
    """The SQL that looks up values of a band: a number of bits of some values may differ.

    `array` is the text of an array. See `Band` for `{type}` and `{converted}`.
    """

    lookup: str
    array: str


# The server combines values with masks. The text of the masks is the same in each search.
POSTGRESQL = Dialect(
    """{column} = ANY(ARRAY(
    SELECT mask # value FROM unnest(%s::{type}[]) AS masks(mask), unnest(%s::{type}[]) AS near(value)))""",
    "{{{}}}",
)
SQLITE = Dialect(
    """{column} IN (SELECT {converted} FROM json_each(%s) AS masks, json_each(%s) AS near)""",
    "[{}]",
)
SQLITE_XOR = "(near.value | masks.value) - (near.value & masks.value)"


class BandSearch(NamedTuple):
    """Finds the rows of which a part differs from one of some `copies` in at most `distance` small bits.

    A copy is the hexadecimal hashes of a part of a picture in one orientation, joined.
    """

    row: Part
    bands: tuple[Band, ...]
    copies: tuple[str, ...]
    distance: int

    @classmethod
    def of_part(cls, row: Part, copies: tuple[str, ...], distance: int) -> Self:
        return cls(row, INSIDE_BANDS if row == Part.INSIDE else BANDS, copies, distance)

    def plan(self, connection: Any, table: str) -> Plan:
        """Return the cheapest plan for the number of rows that have this part."""
        is_inside = self.row == Part.INSIDE
        rows = estimate_framed_rows(connection, table) if is_inside else estimate_rows(connection, table)
        return choose_plan(self.bands, self.distance, rows, len(self.copies), connection.vendor, is_partial=is_inside)


class IsCandidate(Lookup):
    """Whether one of some searches finds a row, or the row's file has the digest.

    The radii of the bands are chosen when the query is compiled, by the number of rows. Where a scan of the table costs
    less, it is true for all rows, and where one of all frames does, for all rows with a frame.

    It is a `Lookup` because SQLite would not use the indexes for `... = True`, as Django writes other expressions.
    """

    prepare_rhs = False

    def __init__(
        self, table: str, searches: Sequence[BandSearch], min_quality: int = 0, file_digest: str | None = None
    ) -> None:
        expressions = [band.expression for search in searches for band in search.bands]
        columns = Func(SEARCH_QUALITY, F("inside_quality"), F("file_digest"), *expressions)
        super().__init__(columns, (tuple(searches), min_quality, file_digest))
        self.table, self.searches = table, searches
        self.min_quality, self.file_digest = min_quality, file_digest

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:  # noqa: ARG002
        raise unsupported(connection)

    def as_postgresql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        return self._any_of(compiler, connection, POSTGRESQL)

    def as_sqlite(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        return self._any_of(compiler, connection, SQLITE)

    def _any_of(self, compiler: Any, connection: Any, dialect: Dialect) -> SQL:
        quality, inside_quality, digest, *columns = (
            compiler.compile(source)[0] for source in self.lhs.get_source_expressions()
        )
        remaining = iter(columns)
        alternatives: list[SQL] = []
        for search in self.searches:
            own_columns = list(itertools.islice(remaining, len(search.bands)))
            radii = search.plan(connection, self.table).radii
            if search.row == Part.INSIDE:
                alternatives += inside_lookups(dialect, search, own_columns, radii, inside_quality)
            elif radii is None:
                return "(1 = 1)", ()
            else:
                has_quality = f"{quality} >= {self.min_quality:d}" if self.min_quality else ""
                alternatives += lookups(dialect, search, own_columns, radii, [has_quality] * len(radii))
        if self.file_digest is not None:
            alternatives.append((f"{digest} = %s", (self.file_digest,)))
        conditions, params = zip(*alternatives, strict=True)
        return f"({' OR '.join(conditions)})", tuple(itertools.chain.from_iterable(params))


def inside_lookups(
    dialect: Dialect, search: BandSearch, columns: Sequence[str], radii: tuple[int, ...] | None, quality: str
) -> list[SQL]:
    # The condition of the partial indexes. SQLite reads all entries of one only for a condition on its first column.
    # PostgreSQL has no statistics of this column: without the range it overestimates the rows, and starts parallel
    # workers for them.
    conditions = [
        f"{column} BETWEEN 0 AND {band.largest} AND {quality} IS NOT NULL"
        for band, column in zip(search.bands, columns, strict=True)
    ]
    if radii is None:
        return [(f"({conditions[0]})", ())]
    return lookups(dialect, search, columns, radii, conditions)


def lookups(
    dialect: Dialect, search: BandSearch, columns: Sequence[str], radii: tuple[int, ...], conditions: Sequence[str]
) -> list[SQL]:
    """Return the SQL that looks up each band of all copies, in rows that meet its condition, if that is not empty."""
    found = []
    for band, column, radius, condition in zip(search.bands, columns, radii, conditions, strict=True):
        if radius < 0:
            continue
        converted = band.sqlite_value.format(SQLITE_XOR)
        sql = dialect.lookup.format(column=column, type=band.postgresql_type, converted=converted)
        values = dict.fromkeys(band.value_of(copy) for copy in search.copies)
        params = array_of_masks(band.positions, radius, dialect.array), dialect.array.format(",".join(map(str, values)))
        found.append((f"({sql} AND {condition})" if condition else f"({sql})", params))
    return found


def estimate_framed_rows(connection: Any, table: str) -> int:
    """Return about how many rows have a frame."""
    return estimate_indexed_rows(connection, table, "inside_quality", INSIDE_INDEX.format(number=1))


@lru_cache
def array_of_masks(positions: tuple[int, ...], radius: int, array: str) -> str:
    return array.format(",".join(map(str, masks(positions, radius))))


def masks(positions: Sequence[int], radius: int) -> list[int]:
    """Return what a value is XORed with to flip up to `radius` of these bits; none if it is negative."""
    flips = itertools.chain.from_iterable(itertools.combinations(positions, count) for count in range(radius + 1))
    return [sum(1 << position for position in chosen) for chosen in flips]


def unsupported(connection: Any) -> NotSupportedError:
    return NotSupportedError(f"Hashes are compared by PostgreSQL and SQLite, not by {connection.vendor}.")
