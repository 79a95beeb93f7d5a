from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import BooleanField, Expression, F, Field, Func, IntegerField

from hashing.fingerprint.fingerprint import ALL_BITS
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing, Part
from hashing.search.bands import SEARCH_QUALITY
from hashing.search.candidates import SQL, unsupported
from hashing.search.comparison import Columns, Comparison, PostgresqlComparison, SqliteComparison
from hashing.search.query import DISTANCE_SHIFT, FRAMING_SHIFT, HashQuery
from hashing.search.sqlite_functions import BIT_DISTANCE

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


class RowColumns(NamedTuple):
    whole: Columns
    inside: Columns
    digest: str


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
