"""The SQL that compares a part of a row with a part of a picture, for each kind of database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from hashing.fingerprint.fingerprint import ALL_BITS, DETAIL_BITS, HASH_BITS, SMALL_BITS
from hashing.fingerprint.similarity import BEST_QUALITY, QUALITY_SPAN, QUALITY_START, Part
from hashing.search.candidates import SQL
from hashing.search.query import DISTANCE_SHIFT, HashQuery, PartPair
from hashing.search.sqlite_functions import BEST_MATCH, BIT_DISTANCE, encode_comparison


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
        # For printf() and HEX(), NULL is 0 and an empty text.
        small = f"printf('%%016x%%016x', {columns.perceptual}, {columns.vertical})"
        small = f"(CASE WHEN {columns.detail} IS NOT NULL THEN {small} END)"
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
