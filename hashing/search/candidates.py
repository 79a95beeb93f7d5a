from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import NotSupportedError
from django.db.models import F, Func, Lookup

from hashing.db.table_size import estimate_indexed_rows, estimate_rows
from hashing.search.bands import INSIDE_INDEX, SEARCH_QUALITY, Band
from hashing.search.plan import choose_plan

SQL = tuple[str, tuple[Any, ...]]


class Dialect(NamedTuple):
    """The SQL that looks up values of a band: a number of bits of some values may differ.

    `array` is the text of an array. `any_value` is true of each value of a band.
    """

    lookup: str
    array: str
    any_value: str


# The server combines values with masks. The text of the masks is the same in each search.
POSTGRESQL = Dialect(
    """{band} = ANY(ARRAY(
    SELECT mask # value FROM unnest(%s::int[]) AS masks(mask), unnest(%s::int[]) AS near(value)))""",
    "{{{}}}",
    "{band} BETWEEN 0 AND {largest}",
)
SQLITE = Dialect(
    """{band} IN (
    SELECT printf('%%0{length}x', (near.value | masks.value) - (near.value & masks.value))
    FROM json_each(%s) AS masks, json_each(%s) AS near)""",
    "[{}]",
    "{band} >= ''",
)
# Where each hash begins in a copy: the hexadecimal hashes of a part of a picture in one orientation, joined.
OFFSETS = {"perceptual_hash": 0, "vertical_hash": 16, "inside_perceptual_hash": 0, "inside_vertical_hash": 16}


class IsCandidate(Lookup):
    """Whether a band of a row is near that band of one of the copies, or the row's file has the digest.

    True for every row of which the small hashes, or with `inside_bands` those of the inside of its frame, differ from
    those of a copy in at most `distance` bits. The radii of the bands are chosen when the query is compiled, by the
    number of rows. Where a scan costs less, it is true for all rows.

    It is a `Lookup` because SQLite would not use the indexes for `... = True`, as Django writes other expressions.
    """

    prepare_rhs = False

    def __init__(
        self,
        table: str,
        bands: tuple[Band, ...],
        copies: tuple[str, ...],
        distance: int,
        min_quality: int = 0,
        file_digest: str | None = None,
        inside_bands: tuple[Band, ...] = (),
    ) -> None:
        """`copies` are hexadecimal hashes; see OFFSETS."""
        expressions = [band.expression for band in (*bands, *inside_bands)]
        columns = Func(SEARCH_QUALITY, F("inside_quality"), F("file_digest"), *expressions)
        super().__init__(columns, (copies, distance, min_quality, file_digest, inside_bands))
        self.table, self.bands, self.copies, self.distance = table, bands, copies, distance
        self.min_quality, self.file_digest, self.inside_bands = min_quality, file_digest, inside_bands

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:  # noqa: ARG002
        raise unsupported(connection)

    def as_postgresql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        return self._any_of(compiler, connection, POSTGRESQL)

    def as_sqlite(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        return self._any_of(compiler, connection, SQLITE)

    def _any_of(self, compiler: Any, connection: Any, dialect: Dialect) -> SQL:
        count, vendor = len(self.copies), connection.vendor
        radii = choose_plan(self.bands, self.distance, estimate_rows(connection, self.table), count, vendor).radii
        if radii is None:
            return "(1 = 1)", ()
        quality, inside_quality, digest, *columns = (
            compiler.compile(source)[0] for source in self.lhs.get_source_expressions()
        )
        whole, inside = columns[: len(self.bands)], columns[len(self.bands) :]
        has_quality = f"{quality} >= {self.min_quality:d}" if self.min_quality else ""
        alternatives = [
            self._lookup(dialect, band, column, radius, has_quality)
            for band, column, radius in zip(self.bands, whole, radii, strict=True)
            if radius >= 0
        ]
        if inside:
            framed = estimate_framed_rows(connection, self.table)
            radii = choose_plan(self.inside_bands, self.distance, framed, count, vendor, is_partial=True).radii
            # The condition of the partial indexes.
            has_inside = f"{inside_quality} IS NOT NULL"
            alternatives += self._inside_lookups(dialect, inside, radii, has_inside)
        if self.file_digest is not None:
            alternatives.append((f"{digest} = %s", (self.file_digest,)))
        conditions, params = zip(*alternatives, strict=True)
        return f"({' OR '.join(conditions)})", tuple(itertools.chain.from_iterable(params))

    def _inside_lookups(
        self, dialect: Dialect, columns: Sequence[str], radii: tuple[int, ...] | None, has_inside: str
    ) -> list[SQL]:
        # SQLite reads all entries of a partial index only for a condition on its first column. PostgreSQL has no
        # statistics of this column: without the range it overestimates the rows, and starts parallel workers for them.
        conditions = [
            f"{dialect.any_value.format(band=column, largest=(1 << band.bits) - 1)} AND {has_inside}"
            for band, column in zip(self.inside_bands, columns, strict=True)
        ]
        if radii is None:
            return [(f"({conditions[0]})", ())]
        return [
            self._lookup(dialect, band, column, radius, condition)
            for band, column, radius, condition in zip(self.inside_bands, columns, radii, conditions, strict=True)
            if radius >= 0
        ]

    def _lookup(self, dialect: Dialect, band: Band, column: str, radius: int, condition: str) -> SQL:
        """Return the SQL that looks up a band of all copies, in rows that meet a condition, if it is not empty."""
        sql = dialect.lookup.format(band=column, length=band.length)
        values = dict.fromkeys(band.value_of(copy[OFFSETS[band.field] :]) for copy in self.copies)
        params = array_of_masks(band.bits, radius, dialect.array), dialect.array.format(",".join(map(str, values)))
        return f"({sql} AND {condition})" if condition else f"({sql})", params


def estimate_framed_rows(connection: Any, table: str) -> int:
    """Return about how many rows have a frame."""
    return estimate_indexed_rows(connection, table, "inside_quality", INSIDE_INDEX.format(number=1))


@lru_cache
def array_of_masks(bits: int, radius: int, array: str) -> str:
    return array.format(",".join(map(str, masks(bits, radius))))


def masks(bits: int, radius: int) -> list[int]:
    """Return what a value of `bits` bits is XORed with to get every value within the radius; none if it is negative."""
    flips = itertools.chain.from_iterable(itertools.combinations(range(bits), count) for count in range(radius + 1))
    return [sum(1 << bit for bit in chosen) for chosen in flips]


def unsupported(connection: Any) -> NotSupportedError:
    return NotSupportedError(f"Hashes are compared by PostgreSQL and SQLite, not by {connection.vendor}.")
