from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import BooleanField, Expression, F, Field, Func, IntegerField

from hashing.fingerprint.fingerprint import ALL_BITS, DETAIL_BITS, HASH_BITS, SMALL_BITS
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import BEST_QUALITY, QUALITY_SPAN, QUALITY_START, Framing, Part
from hashing.search.bands import SEARCH_QUALITY
from hashing.search.candidates import SQL, unsupported
from hashing.search.query import DISTANCE_SHIFT, FRAMING_SHIFT, HashQuery, PartPair
from hashing.search.sqlite_functions import BEST_MATCH, BIT_DISTANCE, encode_comparison

# More than any match.
NO_MATCH = (ALL_BITS + 1) << DISTANCE_SHIFT


class HammingDistance(Func):
    """Bits in which two hexadecimal hashes of 64 bits differ; NULL when one of them is NULL."""

    function = BIT_DISTANCE
    arity = 2
    output_field = IntegerField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> tuple[str, Any]:
        if connection.vendor not in ("postgresql", "sqlite"):
            raise unsupported(connection)
        return super().as_sql(compiler, connection, *args, **extra)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        template, joiner = "bit_count(('x' || %(expressions)s)::bit(64))", ")::bit(64) # ('x' || "
        return self.as_sql(compiler, connection, template=template, arg_joiner=joiner)


class Columns(NamedTuple):
    """The SQL of the columns of a part of a row."""

    perceptual: str
    vertical: str
    detail: str
    quality: str


class Hashes(NamedTuple):
    """The SQL of the hashes of a part of a row, joined: hexadecimal text on SQLite, bits on PostgreSQL."""

    small: str
    all: str


class RowColumns(NamedTuple):
    whole: Columns
    inside: Columns
    digest: str


class Comparison(ABC):
    """The SQL that compares a part of a row with a part of a picture in one kind of database."""

    def __init__(self, query: HashQuery, pair: PartPair, columns: Columns) -> None:
        self.query, self.pair, self.quality = query, pair, columns.quality
        self.hashes = self.inside_hashes(columns) if pair.row == Part.INSIDE else self.whole_hashes(columns)
        self.copies = pair.own.copies(query.orientations)
        self.max_distance, self.small_limit = query.distance_of(pair), query.small_limit_of(pair)
        self.codes = [pair.code(orientation) for orientation in query.orientations]

    @staticmethod
    @abstractmethod
    def whole_hashes(columns: Columns) -> Hashes: ...

    @staticmethod
    @abstractmethod
    def inside_hashes(columns: Columns) -> Hashes:
        """Return the SQL for hashes that are stored as numbers."""

    @abstractmethod
    def is_match(self) -> SQL:
        """Whether the hashes match; NULL if the row lacks one."""

    @abstractmethod
    def best_match(self) -> SQL:
        """The smallest `distance << DISTANCE_SHIFT | code`; NULL if no orientation matches."""


class SqliteComparison(Comparison):
    @staticmethod
    def whole_hashes(columns: Columns) -> Hashes:
        small = f"{columns.perceptual} || {columns.vertical}"
        return Hashes(small, f"{small} || {columns.detail}")

    @staticmethod
    def inside_hashes(columns: Columns) -> Hashes:
        small = f"printf('%%016x%%016x', {columns.perceptual}, {columns.vertical})"
        return Hashes(small, f"{small} || HEX({columns.detail})")

    def is_match(self) -> SQL:
        best, params = self.best_match()
        if len(self.copies) > 1:
            return f"{best} IS NOT NULL", params
        # The small hashes first: they rule out most candidates at a lower cost.
        small = f"{BIT_DISTANCE}({self.hashes.small}, %s) <= %s"
        return f"({small} AND {best} IS NOT NULL)", (small_part(self.copies[0]), self.small_limit, *params)

    def best_match(self) -> SQL:
        copies = dict(zip(self.codes, self.copies, strict=True))
        encoded = encode_comparison(self.max_distance, self.small_limit, self.pair.own.quality, copies)
        return f"{BEST_MATCH}({self.hashes.all}, {self.quality}, %s)", (encoded,)


class PostgresqlComparison(Comparison):
    @staticmethod
    def whole_hashes(columns: Columns) -> Hashes:
        small = f"'x' || {columns.perceptual} || {columns.vertical}"
        return Hashes(f"({small})::bit({SMALL_BITS})", f"({small} || {columns.detail})::bit({ALL_BITS})")

    @staticmethod
    def inside_hashes(columns: Columns) -> Hashes:
        small = f"{columns.perceptual}::bit({HASH_BITS}) || {columns.vertical}::bit({HASH_BITS})"
        detail = f"('x' || ENCODE({columns.detail}, 'hex'))::bit({DETAIL_BITS})"
        return Hashes(f"({small})", f"({small} || {detail})")

    def is_match(self) -> SQL:
        # The small hashes first: they rule out most candidates at a lower cost.
        small, small_params = self._least_small_distance()
        if len(self.copies) > 1:
            rule, params = self.best_match()
            rule = f"{rule} IS NOT NULL"
        else:
            limit, limit_params = self._limit()
            rule = f"bit_count({self.hashes.all} # %s::bit({ALL_BITS})) * {QUALITY_SPAN} <= {limit}"
            params = (f"x{self.copies[0]}", *limit_params)
        return f"({small} <= %s AND {rule})", (*small_params, self.small_limit, *params)

    def best_match(self) -> SQL:
        differing = f"(bits # %s::bit({ALL_BITS}))"
        case = (
            f"CASE WHEN bit_count({differing}::bit({SMALL_BITS})) <= {self.small_limit:d}"
            f" AND bit_count({differing}) * {QUALITY_SPAN} <= allowed"
            f" THEN bit_count({differing}) << {DISTANCE_SHIFT} | {{}} END"
        )
        cases = ", ".join(map(case.format, self.codes))
        limit, params = self._limit()
        row = f"SELECT {self.hashes.all} AS bits, {limit} AS allowed OFFSET 0"
        copies = [literal for copy in self.copies for literal in [f"x{copy}"] * 3]
        return f"(SELECT LEAST({cases}) FROM ({row}) AS compared)", (*copies, *params)

    def _least_small_distance(self) -> SQL:
        literals = tuple(f"x{small_part(copy)}" for copy in self.copies)
        if len(literals) == 1:
            return f"bit_count({self.hashes.small} # %s::bit({SMALL_BITS}))", literals
        counts = ", ".join([f"bit_count(bits # %s::bit({SMALL_BITS}))"] * len(literals))
        # OFFSET 0 keeps the planner from inlining the subquery, which would parse the hashes once per orientation.
        return f"(SELECT LEAST({counts}) FROM (SELECT {self.hashes.small} AS bits OFFSET 0) AS small)", literals

    def _limit(self) -> SQL:
        """The distance that the lower of the qualities allows, times QUALITY_SPAN; see `distance_limit`."""
        quality = self.pair.own.quality
        highest = min(BEST_QUALITY if quality is None else quality, QUALITY_START + QUALITY_SPAN)
        lower = f"LEAST({self.quality}, %s)"
        return f"%s * GREATEST({lower} - {QUALITY_START}, 0)", (self.max_distance, highest)


def small_part(copy: str) -> str:
    return copy[: SMALL_BITS // 4]


class MatchExpression(Expression):
    """Base of the results of comparing a row with a query, part by part."""

    output_field: Field[Any, Any] = IntegerField()

    def __init__(self, query: HashQuery) -> None:
        super().__init__()
        self.query = query
        whole = [F("perceptual_hash"), F("vertical_hash"), F("detail_hash"), SEARCH_QUALITY]
        inside = map(F, ("inside_perceptual_hash", "inside_vertical_hash", "inside_detail_hash", "inside_quality"))
        self._sources: list[Any] = [*whole, *inside, F("file_digest")]

    def get_source_expressions(self) -> list[Any]:
        return self._sources

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self._sources = list(exprs)

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:  # noqa: ARG002
        raise unsupported(connection)

    def as_postgresql(self, compiler: Any, _connection: Any, **_extra: Any) -> SQL:
        return self.result(self._columns(compiler), PostgresqlComparison, "LEAST")

    def as_sqlite(self, compiler: Any, _connection: Any, **_extra: Any) -> SQL:
        return self.result(self._columns(compiler), SqliteComparison, "MIN")

    def result(self, columns: RowColumns, comparison: type[Comparison], least: str) -> SQL:
        raise NotImplementedError

    def _columns(self, compiler: Any) -> RowColumns:
        *parts, digest = (compiler.compile(source)[0] for source in self._sources)
        return RowColumns(Columns(*parts[:4]), Columns(*parts[4:]), digest)

    def _comparisons(self, columns: RowColumns, comparison: type[Comparison]) -> list[tuple[str, Comparison]]:
        """Return each comparison with the condition on the rows for which it is made."""
        found = []
        for pair in self.query.pairs:
            part = columns.inside if pair.row == Part.INSIDE else columns.whole
            condition = f"{part.quality} >= {self.query.min_quality:d}"
            if pair.row == Part.WHOLE and pair.is_framed is not None:
                condition += f" AND {columns.inside.quality} IS {'NOT NULL' if pair.is_framed else 'NULL'}"
            found.append((condition, comparison(self.query, pair, part)))
        return found


class IsMatch(MatchExpression):
    """Whether a row matches by its hashes."""

    conditional = True
    output_field = BooleanField()

    def result(self, columns: RowColumns, comparison: type[Comparison], least: str) -> SQL:  # noqa: ARG002
        alternatives: list[str] = []
        params: list[Any] = []
        for condition, each in self._comparisons(columns, comparison):
            sql, own_params = each.is_match()
            alternatives.append(f"({condition} AND {sql})")
            params += own_params
        return f"({' OR '.join(alternatives)})", tuple(params)


class BestMatch(MatchExpression):
    """Base of what the best match of a row says.

    Files that are equal have the value 0: no distance, no frame, upright.
    """

    def result(self, columns: RowColumns, comparison: type[Comparison], least: str) -> SQL:
        matches: list[str] = []
        params: list[Any] = []
        for condition, each in self._comparisons(columns, comparison):
            sql, own_params = each.best_match()
            matches.append(f"CASE WHEN {condition} THEN {sql} END")
            params += own_params
        # The function of SQLite is NULL if one of its arguments is.
        best = ", ".join(f"COALESCE({match}, {NO_MATCH})" for match in matches)
        sql = f"NULLIF({least}({best}, {NO_MATCH}), {NO_MATCH})"
        if self.query.file_digest is not None:
            sql = f"CASE WHEN {columns.digest} = %s THEN 0 ELSE {sql} END"
            params.insert(0, self.query.file_digest)
        return self.decode(sql), tuple(params)

    def decode(self, best: str) -> str:
        raise NotImplementedError


class MatchDistance(BestMatch):
    """Bits in which a row that matches differs."""

    def decode(self, best: str) -> str:
        return f"({best} >> {DISTANCE_SHIFT})"


class MatchFraming(BestMatch):
    """What of a row that matches, and of the picture, is nearest: a value of `Framing`."""

    def decode(self, best: str) -> str:
        return f"({best} >> {FRAMING_SHIFT} & {len(Framing) - 1})"


class MatchOrientation(BestMatch):
    """The orientation in which a row that matches is nearest."""

    def decode(self, best: str) -> str:
        return f"(({best} & {len(Orientation) - 1}) + {Orientation.UPRIGHT})"
