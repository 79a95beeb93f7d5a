"""The condition that finds, through the indexes, every row that may match."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db.models import BooleanField, Expression, F
from django.db.models.expressions import Col

from hashing.search.bands import Band, Piece, SearchQuality, masks
from hashing.search.distance import check_vendor
from hashing.search.radii import Plan, choose_plan
from hashing.search.table_size import estimate_rows

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


class NearPieces(Expression):
    """Whether a piece of a row is near the same piece of one of the fingerprints, or the row's file has the digest.

    Of rows that differ in at most `distance` bits from one of them none is left out. The radii are chosen when the
    query is compiled, by the size of the table; where a scan costs less, the condition holds for every row.
    """

    conditional = True

    def __init__(
        self,
        pieces: tuple[Piece, ...],
        values: tuple[tuple[int, ...], ...],
        distance: int,
        min_quality: int,
        file_digest: str | None = None,
    ) -> None:
        """`values`: for each piece, those of the fingerprints."""
        super().__init__(output_field=BooleanField())
        self.pieces, self.values, self.distance = pieces, values, distance
        self.min_quality, self.file_digest = min_quality, file_digest
        self._sources: list[Any] = [
            *(Band(F(piece.field), *piece.parts) for piece in pieces),
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
        *bands, quality, digest = (compiler.compile(source)[0] for source in self._sources)
        arms: list[str] = []
        params: list[Any] = []
        template, literal = _IS_NEAR[connection.vendor], _NUMBERS[connection.vendor]
        for piece, band, values, radius in zip(self.pieces, bands, self.values, radii, strict=True):
            if radius < 0:
                continue
            arm = template.format(band=band, length=piece.length)
            params += [_mask_text(piece.bits, radius, literal), literal.format(",".join(map(str, values)))]
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
        return choose_plan(self.pieces, self.distance, rows, len(self.values[0]), connection.vendor)


def near_copies(
    pieces: tuple[Piece, ...], texts: Sequence[str], distance: int, min_quality: int = 0, file_digest: str | None = None
) -> NearPieces:
    """`texts`: the hexadecimal hashes that the pieces are cut from, in a row, for each orientation."""
    columns = list(dict.fromkeys(piece.field for piece in pieces))
    starts = {field: number * 16 for number, field in enumerate(columns)}
    values = tuple(
        tuple(dict.fromkeys(int(piece.cut(text[starts[piece.field] :]), 16) for text in texts)) for piece in pieces
    )
    return NearPieces(pieces, values, distance, min_quality, file_digest)


@lru_cache
def _mask_text(bits: int, radius: int, literal: str) -> str:
    return literal.format(",".join(map(str, masks(bits, radius))))
