from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import BooleanField, Expression, F, Field, Func, IntegerField

from hashing.fingerprint.fingerprint import ALL_BITS, SMALL_BITS
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import BEST_QUALITY, QUALITY_SPAN, QUALITY_START
from hashing.search.bands import SEARCH_QUALITY
from hashing.search.candidates import SQL, unsupported
from hashing.search.query import HashQuery
from hashing.search.sqlite_functions import BEST_MATCH, BIT_DISTANCE, ORIENTATIONS, encode_query


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
    """The SQL of the columns of a row that are compared."""

    perceptual: str
    vertical: str
    detail: str
    quality: str
    digest: str


class Comparison(ABC):
    """The SQL that compares a row with a query in one kind of database."""

    def __init__(self, query: HashQuery, columns: Columns) -> None:
        self.query, self.columns = query, columns

    @abstractmethod
    def is_match(self) -> SQL:
        """Whether a row matches by its hashes."""

    @abstractmethod
    def best_match(self) -> SQL:
        """The smallest `distance * ORIENTATIONS + orientation - 1` of a row; NULL if no orientation matches."""

    def distance(self) -> SQL:
        sql, params = self.best_match()
        return f"({sql} / {ORIENTATIONS})", params

    def orientation(self) -> SQL:
        sql, params = self.best_match()
        # Without the operator %, which begins a parameter.
        return f"({sql} - {sql} / {ORIENTATIONS} * {ORIENTATIONS} + 1)", (*params, *params)

    def unless_same_file(self, sql: str, params: tuple[Any, ...], value: int) -> SQL:
        """Return `value` in place of the SQL for rows whose file has the digest of the query."""
        if self.query.file_digest is None:
            return sql, params
        return f"CASE WHEN {self.columns.digest} = %s THEN {value} ELSE {sql} END", (self.query.file_digest, *params)


class SqliteComparison(Comparison):
    def is_match(self) -> SQL:
        best, params = self.best_match()
        if len(self.query.copies) > 1:
            return f"{best} IS NOT NULL", params
        # The small hashes first: they rule out most candidates at a lower cost.
        small = f"{BIT_DISTANCE}({self.columns.perceptual} || {self.columns.vertical}, %s) <= %s"
        small_params = (small_part(self.query.copies[0]), self.query.small_limit)
        return f"{small} AND {best} IS NOT NULL", (*small_params, *params)

    def best_match(self) -> SQL:
        hashes = " || ".join(self.columns[:3])
        return f"{BEST_MATCH}({hashes}, {self.columns.quality}, %s)", (encode_query(self.query),)


class PostgresqlComparison(Comparison):
    def is_match(self) -> SQL:
        # The small hashes first: they rule out most candidates at a lower cost.
        small, small_params = self._least_small_distance()
        if len(self.query.copies) > 1:
            rule, params = self.best_match()
            rule = f"{rule} IS NOT NULL"
        else:
            total, total_params = self._distance_to(self.query.copies[0])
            limit, limit_params = self._limit()
            rule, params = f"{total} * {QUALITY_SPAN} <= {limit}", (*total_params, *limit_params)
        return f"{small} <= %s AND {rule}", (*small_params, self.query.small_limit, *params)

    def distance(self) -> SQL:
        return self._distance_to(self.query.copies[0]) if len(self.query.copies) == 1 else super().distance()

    def best_match(self) -> SQL:
        differing = f"(bits # %s::bit({ALL_BITS}))"
        case = (
            f"CASE WHEN bit_count({differing}::bit({SMALL_BITS})) <= {self.query.small_limit:d}"
            f" AND bit_count({differing}) * {QUALITY_SPAN} <= allowed"
            f" THEN bit_count({differing}) * {ORIENTATIONS} + {{}} END"
        )
        cases = ", ".join(case.format(orientation - 1) for orientation in self.query.orientations)
        limit, params = self._limit()
        row = f"SELECT {self._all_bits} AS bits, {limit} AS allowed OFFSET 0"
        copies = [literal for copy in self.query.copies for literal in [f"x{copy}"] * 3]
        return f"(SELECT LEAST({cases}) FROM ({row}) AS compared)", (*copies, *params)

    def _least_small_distance(self) -> SQL:
        literals = tuple(f"x{small_part(copy)}" for copy in self.query.copies)
        if len(literals) == 1:
            return f"bit_count({self._small_bits} # %s::bit({SMALL_BITS}))", literals
        counts = ", ".join([f"bit_count(bits # %s::bit({SMALL_BITS}))"] * len(literals))
        # OFFSET 0 keeps the planner from inlining the subquery, which would parse the hashes once per orientation.
        return f"(SELECT LEAST({counts}) FROM (SELECT {self._small_bits} AS bits OFFSET 0) AS small)", literals

    def _distance_to(self, copy: str) -> SQL:
        return f"bit_count({self._all_bits} # %s::bit({ALL_BITS}))", (f"x{copy}",)

    def _limit(self) -> SQL:
        """The distance that the lower of the qualities allows, times QUALITY_SPAN; see `distance_limit`."""
        highest = min(BEST_QUALITY if self.query.quality is None else self.query.quality, QUALITY_START + QUALITY_SPAN)
        lower = f"LEAST({self.columns.quality}, %s)"
        return f"%s * GREATEST({lower} - {QUALITY_START}, 0)", (self.query.max_distance, highest)

    @property
    def _small_bits(self) -> str:
        return f"('x' || {self.columns.perceptual} || {self.columns.vertical})::bit({SMALL_BITS})"

    @property
    def _all_bits(self) -> str:
        hashes = " || ".join(self.columns[:3])
        return f"('x' || {hashes})::bit({ALL_BITS})"


def small_part(copy: str) -> str:
    return copy[: SMALL_BITS // 4]


class MatchExpression(Expression):
    """Base of the results of comparing a row with a query."""

    output_field: Field[Any, Any] = IntegerField()

    def __init__(self, query: HashQuery) -> None:
        super().__init__()
        self.query = query
        hashes = [F("perceptual_hash"), F("vertical_hash"), F("detail_hash")]
        self._sources: list[Any] = [*hashes, SEARCH_QUALITY, F("file_digest")]

    def get_source_expressions(self) -> list[Any]:
        return self._sources

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self._sources = list(exprs)

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> SQL:  # noqa: ARG002
        raise unsupported(connection)

    def as_postgresql(self, compiler: Any, _connection: Any, **_extra: Any) -> SQL:
        return self.result(PostgresqlComparison(self.query, self._columns(compiler)))

    def as_sqlite(self, compiler: Any, _connection: Any, **_extra: Any) -> SQL:
        return self.result(SqliteComparison(self.query, self._columns(compiler)))

    def result(self, comparison: Comparison) -> SQL:
        raise NotImplementedError

    def _columns(self, compiler: Any) -> Columns:
        return Columns(*(compiler.compile(source)[0] for source in self._sources))


class IsMatch(MatchExpression):
    """Whether a row matches by its hashes."""

    conditional = True
    output_field = BooleanField()

    def result(self, comparison: Comparison) -> SQL:
        sql, params = comparison.is_match()
        return f"({sql})", params


class MatchDistance(MatchExpression):
    """Bits in which a row that matches differs; 0 for an equal file."""

    def result(self, comparison: Comparison) -> SQL:
        return comparison.unless_same_file(*comparison.distance(), value=0)


class MatchOrientation(MatchExpression):
    """The orientation in which a row that matches is nearest."""

    def result(self, comparison: Comparison) -> SQL:
        return comparison.unless_same_file(*comparison.orientation(), value=Orientation.UPRIGHT.value)
