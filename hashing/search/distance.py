from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import NotSupportedError
from django.db.models import BooleanField, Expression, F, Func, IntegerField

from hashing.fingerprint.fingerprint import ALL_BITS, DETAIL_BITS, HASH_VERSION, SMALL_BITS
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import BEST_QUALITY, QUALITY_SPAN, QUALITY_START, distance_limit
from hashing.search.query import HashQuery

SQLITE_DISTANCE = "hashing_distance"


class HammingDistance(Func):
    """Bits in which two hexadecimal hashes of 64 bits differ; NULL when one of them is NULL."""

    function = SQLITE_DISTANCE
    arity = 2
    output_field = IntegerField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> tuple[str, Any]:
        check_vendor(connection)
        return super().as_sql(compiler, connection, *args, **extra)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        template, joiner = "bit_count(('x' || %(expressions)s)::bit(64))", ")::bit(64) # ('x' || "
        return self.as_sql(compiler, connection, template=template, arg_joiner=joiner)


def check_vendor(connection: Any) -> None:
    if connection.vendor not in ("postgresql", "sqlite"):
        raise NotSupportedError(f"Hashes are compared by PostgreSQL and SQLite, not by {connection.vendor}.")


def add_distance_to_sqlite(connection: Any, **_kwargs: Any) -> None:
    """Receiver of `connection_created`: SQLite counts no bits by itself."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(SQLITE_DISTANCE, 2, _distance, deterministic=True)


def _distance(one: str | None, other: str | None) -> int | None:
    return None if one is None or other is None else (int(one, 16) ^ int(other, 16)).bit_count()


SQL = tuple[str, tuple[Any, ...]]

SQLITE_MATCH = "hashing_match"
COLUMNS = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality", "hash_version", "file_digest")
# A match is one whole number, so that the least is the best: the distance, then the orientation.
ORIENTATIONS = 8


class MatchExpression(Expression):
    """Base of what is said of a row by comparing it with a query."""

    def __init__(self, query: HashQuery, output_field: Any = None) -> None:
        super().__init__(output_field=output_field or IntegerField())
        self.query = query
        self._sources: list[Any] = [F(name) for name in COLUMNS]

    def get_source_expressions(self) -> list[Any]:
        return self._sources

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self._sources = list(exprs)

    def _columns(self, compiler: Any) -> dict[str, str]:
        return {name: compiler.compile(source)[0] for name, source in zip(COLUMNS, self._sources, strict=True)}


class IsMatch(MatchExpression):
    """Whether a row matches."""

    conditional = True

    def __init__(self, query: HashQuery) -> None:
        super().__init__(query, BooleanField())

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        columns, query = self._columns(compiler), self.query
        rule, params = _rule_sql(columns, query, connection.vendor)
        quality = f"COALESCE({columns['hash_quality']}, {BEST_QUALITY}) >= %s"
        version = "({0} = {1} OR {0} IS NULL)".format(columns["hash_version"], HASH_VERSION)
        sql, params = f"({quality} AND {version} AND {rule})", (query.min_quality, *params)
        if query.file_digest is None:
            return sql, params
        return f"({columns['file_digest']} = %s OR {sql})", (query.file_digest, *params)


class MatchDistance(MatchExpression):
    """Bits in which a row that matches differs."""

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        columns, query = self._columns(compiler), self.query
        if connection.vendor == "postgresql" and len(query.copies) == 1:
            sql, params = _bits_between(columns, query.copies[0])
            return _zero_for_digest(sql, params, columns, query, zero=0)
        sql, params = _best_match_sql(columns, query, connection.vendor)
        return _zero_for_digest(f"({sql} / {ORIENTATIONS})", params, columns, query, zero=0)


class MatchOrientation(MatchExpression):
    """The orientation in which a row that matches is nearest."""

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:
        columns, query = self._columns(compiler), self.query
        sql, params = _best_match_sql(columns, query, connection.vendor)
        # Without the operator %, which drivers take for the sign of a parameter.
        sql, params = f"({sql} - {sql} / {ORIENTATIONS} * {ORIENTATIONS} + 1)", (*params, *params)
        return _zero_for_digest(sql, params, columns, query, zero=Orientation.UPRIGHT.value)


def _zero_for_digest(sql: str, params: tuple[Any, ...], columns: dict[str, str], query: HashQuery, zero: int) -> SQL:
    if query.file_digest is None:
        return sql, params
    return f"CASE WHEN {columns['file_digest']} = %s THEN {zero} ELSE {sql} END", (query.file_digest, *params)


def _rule_sql(columns: dict[str, str], query: HashQuery, vendor: str) -> SQL:
    small, small_params = _near_small_sql(columns, query, vendor)
    if vendor == "sqlite" or len(query.copies) > 1:
        best, best_params = _best_match_sql(columns, query, vendor)
        return f"{small}{best} IS NOT NULL", (*small_params, *best_params)
    (copy,) = query.copies
    total, total_params = _bits_between(columns, copy)
    allowed, allowed_params = _allowed_sql(columns, query)
    rule = f"{small}{total} * {QUALITY_SPAN} <= {allowed}"
    return rule, (*small_params, *total_params, *allowed_params)


def _near_small_sql(columns: dict[str, str], query: HashQuery, vendor: str) -> SQL:
    """The part of the rule that turns most candidates down, before all of their bits are compared."""
    count = len(query.copies)
    if vendor == "sqlite":
        # For several orientations, one call that asks everything is cheaper than one call for each.
        small = f"{SQLITE_DISTANCE}({columns['perceptual_hash']} || {columns['vertical_hash']}, %s) <= %s AND "
        return (small, (_small_hex(query.copies[0]), query.small_limit)) if count == 1 else ("", ())
    literals = (f"x{_small_hex(copy)}" for copy in query.copies)
    counts = ", ".join([f"bit_count(bits # %s::bit({SMALL_BITS}))"] * count)
    # Without OFFSET 0 the subquery is dissolved, and the hashes are parsed once for each orientation.
    nearest = f"(SELECT LEAST({counts}) FROM (SELECT {_small_bits(columns)} AS bits OFFSET 0) AS small)"
    if count == 1:
        nearest = f"bit_count({_small_bits(columns)} # %s::bit({SMALL_BITS}))"
    return f"{nearest} <= %s AND ", (*literals, query.small_limit)


def _best_match_sql(columns: dict[str, str], query: HashQuery, vendor: str) -> SQL:
    """The best match of a row as one whole number, NULL where none of the orientations matches."""
    if vendor == "sqlite":
        hashes = " || ".join(columns[name] for name in COLUMNS[:3])
        return f"{SQLITE_MATCH}({hashes}, {columns['hash_quality']}, %s)", (_asked(query),)
    differing = f"(bits # %s::bit({ALL_BITS}))"
    case = (
        f"CASE WHEN bit_count({differing}::bit({SMALL_BITS})) <= {query.small_limit:d}"
        f" AND bit_count({differing}) * {QUALITY_SPAN} <= allowed"
        f" THEN bit_count({differing}) * {ORIENTATIONS} + {{}} END"
    )
    cases = ", ".join(case.format(orientation - 1) for orientation in query.orientations)
    allowed, params = _allowed_sql(columns, query)
    row = f"SELECT {_all_bits(columns)} AS bits, {allowed} AS allowed OFFSET 0"
    copies = [literal for copy in query.copies for literal in [f"x{copy}"] * 3]
    return f"(SELECT LEAST({cases}) FROM ({row}) AS compared)", (*copies, *params)


def _allowed_sql(columns: dict[str, str], query: HashQuery) -> SQL:
    """The distance that the qualities allow, times QUALITY_SPAN."""
    highest = min(BEST_QUALITY if query.quality is None else query.quality, QUALITY_START + QUALITY_SPAN)
    lower = f"LEAST(COALESCE({columns['hash_quality']}, {BEST_QUALITY}), %s)"
    return f"%s * GREATEST({lower} - {QUALITY_START}, 0)", (query.max_distance, highest)


def _bits_between(columns: dict[str, str], copy: str) -> SQL:
    return f"bit_count({_all_bits(columns)} # %s::bit({ALL_BITS}))", (f"x{copy}",)


def _all_bits(columns: dict[str, str]) -> str:
    return "('x' || {perceptual_hash} || {vertical_hash} || {detail_hash})".format(**columns) + f"::bit({ALL_BITS})"


def _small_bits(columns: dict[str, str]) -> str:
    return "('x' || {perceptual_hash} || {vertical_hash})".format(**columns) + f"::bit({SMALL_BITS})"


def _small_hex(copy: str) -> str:
    return copy[: SMALL_BITS // 4]


def _asked(query: HashQuery) -> str:
    """The query as the function of SQLite takes it."""
    copies = dict(zip(map(int, query.orientations), query.copies, strict=True))
    return json.dumps([query.max_distance, query.small_limit, query.quality, copies])


def add_match_to_sqlite(connection: Any, **_kwargs: Any) -> None:
    """Receiver of `connection_created`: SQLite counts no bits by itself."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(SQLITE_MATCH, 3, _match, deterministic=True)


def _match(hashes: str | None, quality: int | None, asked: str) -> int | None:
    """The best match of a row as one whole number, as `_best_match_sql` describes it."""
    if hashes is None:
        return None
    limit_of_small, limits, copies = _parse_asked(asked)
    bits = int(hashes, 16)
    best = None
    limit = limits[BEST_QUALITY if quality is None else min(quality, BEST_QUALITY)]
    for orientation, copy in copies:
        differing = bits ^ copy
        if (differing >> DETAIL_BITS).bit_count() <= limit_of_small and (distance := differing.bit_count()) <= limit:
            match = distance * ORIENTATIONS + orientation
            best = match if best is None or match < best else best
    return best


@lru_cache(maxsize=64)
def _parse_asked(asked: str) -> tuple[int, tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The limit of the small hashes, that of all hashes for each quality of a row, and the copies."""
    max_distance, limit_of_small, quality, copies = json.loads(asked)
    highest = BEST_QUALITY if quality is None else quality
    limits = tuple(distance_limit(max_distance, min(highest, own)) for own in range(BEST_QUALITY + 1))
    return limit_of_small, limits, tuple((int(number) - 1, int(copy, 16)) for number, copy in copies.items())
