from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

from django.db import NotSupportedError
from django.db.models import F, Func, Lookup

from hashing.db.table_size import estimate_rows
from hashing.search.bands import SEARCH_QUALITY, Band
from hashing.search.plan import choose_plan

SQL = tuple[str, tuple[Any, ...]]

# The server combines values with masks. The text of the masks is the same in each search.
POSTGRESQL_LOOKUP = """{band} = ANY(ARRAY(
    SELECT mask # value FROM unnest(%s::int[]) AS masks(mask), unnest(%s::int[]) AS near(value)))"""
SQLITE_LOOKUP = """{band} IN (
    SELECT printf('%%0{length}x', (near.value | masks.value) - (near.value & masks.value))
    FROM json_each(%s) AS masks, json_each(%s) AS near)"""
# Where each hash begins in a copy: the hexadecimal hashes of a picture in one orientation, joined.
OFFSETS = {"perceptual_hash": 0, "vertical_hash": 16}


class IsCandidate(Lookup):
    """Whether a band of a row is near that band of one of the copies, or the row's file has the digest.

    True for every row whose small hashes differ from those of a copy in at most `distance` bits. The radii of the bands
    are chosen when the query is compiled, by the size of the table. Where a scan costs less, it is true for all rows.

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
    ) -> None:
        """`copies` are hexadecimal hashes; see OFFSETS."""
        columns = Func(*(band.expression for band in bands), SEARCH_QUALITY, F("file_digest"))
        super().__init__(columns, (copies, distance, min_quality, file_digest))
        self.table, self.bands, self.copies, self.distance = table, bands, copies, distance
        self.min_quality, self.file_digest = min_quality, file_digest

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:  # noqa: ARG002
        raise unsupported(connection)

    def as_postgresql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        return self._any_of(compiler, connection, POSTGRESQL_LOOKUP, "{{{}}}")

    def as_sqlite(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        return self._any_of(compiler, connection, SQLITE_LOOKUP, "[{}]")

    def _any_of(self, compiler: Any, connection: Any, lookup: str, array: str) -> SQL:
        rows = estimate_rows(connection, self.table)
        radii = choose_plan(self.bands, self.distance, rows, len(self.copies), connection.vendor).radii
        if radii is None:
            return "(1 = 1)", ()
        *columns, quality, digest = (compiler.compile(source)[0] for source in self.lhs.get_source_expressions())
        alternatives: list[str] = []
        params: list[Any] = []
        for band, column, radius in zip(self.bands, columns, radii, strict=True):
            if radius < 0:
                continue
            alternative = lookup.format(band=column, length=band.length)
            values = dict.fromkeys(band.value_of(copy[OFFSETS[band.field] :]) for copy in self.copies)
            params += [array_of_masks(band.bits, radius, array), array.format(",".join(map(str, values)))]
            if self.min_quality:
                alternative = f"({alternative} AND {quality} >= %s)"
                params.append(self.min_quality)
            alternatives.append(alternative)
        if self.file_digest is not None:
            alternatives.append(f"{digest} = %s")
            params.append(self.file_digest)
        return f"({' OR '.join(alternatives)})", tuple(params)


@lru_cache
def array_of_masks(bits: int, radius: int, array: str) -> str:
    return array.format(",".join(map(str, masks(bits, radius))))


def masks(bits: int, radius: int) -> list[int]:
    """Return what a value of `bits` bits is XORed with to get every value within the radius; none if it is negative."""
    flips = itertools.chain.from_iterable(itertools.combinations(range(bits), count) for count in range(radius + 1))
    return [sum(1 << bit for bit in chosen) for chosen in flips]


def unsupported(connection: Any) -> NotSupportedError:
    return NotSupportedError(f"Hashes are compared by PostgreSQL and SQLite, not by {connection.vendor}.")
