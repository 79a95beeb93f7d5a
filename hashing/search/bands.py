"""A hash in three pieces, each with an index, and the values of a piece that are worth looking up.

When two hashes differ in at most d bits, and the pieces are given radii whose sum is d - 2, then some piece differs in
at most its radius: otherwise the bits would add up to d + 1. So all values within the radii are looked up, and what
is found is compared in full.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any, NamedTuple

from django.db import models
from django.db.models import F, Func, Index, Lookup

BITS_OF_A_CHARACTER = 4
# As many rows as the choice of radii is made for: more rows make a looked-up value of a short piece dearer.
EXPECTED_ROWS = 10_000_000
# Quality that a row without one is taken to have.
BEST_QUALITY = 100


class Part(NamedTuple):
    """Characters of the hexadecimal hash; `start` counts from 1, as in SQL."""

    start: int
    length: int


@dataclass(frozen=True)
class Piece:
    """Characters from several places of the hash, one after the other."""

    parts: tuple[Part, ...]

    @property
    def length(self) -> int:
        return sum(part.length for part in self.parts)

    @property
    def bits(self) -> int:
        return self.length * BITS_OF_A_CHARACTER

    def of(self, text: str) -> str:
        return "".join(text[start - 1 : start - 1 + length] for start, length in self.parts)


# Two characters are a row of the picture, and what lies side by side in a photograph goes together: in thousands of
# them the first five characters are those of a plain sky. Of pieces that are spread over the whole height a quarter
# to a third as many rows have to be compared.
PIECES = (
    Piece((Part(1, 1), Part(6, 2), Part(12, 2))),
    Piece((Part(2, 2), Part(8, 2), Part(14, 1))),
    Piece((Part(4, 2), Part(10, 2), Part(15, 2))),
)


class Band(Func):
    """One piece of a hash. Its numbers stand in the SQL itself: as parameters they would match no index."""

    arity = 1

    def __init__(self, expression: Any, *parts: tuple[int, int], **extra: Any) -> None:
        """`parts` are the `(start, length)` of a piece."""
        super().__init__(expression, output_field=models.TextField(), **extra)
        texts = " || ".join(f"SUBSTR(%(expressions)s, {start:d}, {length:d})" for start, length in parts)
        self.template = f"({texts})"


class SearchQuality(Func):
    """The quality of a hash, for comparing and for the index."""

    function = "COALESCE"
    template = f"%(function)s(%(expressions)s, {BEST_QUALITY})"
    arity = 1

    def __init__(self, expression: Any = "hash_quality", **extra: Any) -> None:
        super().__init__(expression, output_field=models.IntegerField(), **extra)


def band_indexes(prefix: str) -> list[Index]:
    """The indexes that `similar_to()` needs, for the Meta of a model; their names begin with `prefix`.

    The quality is in them so that a hundred thousand blank pages, equal in every piece, are not even looked at.
    """
    return [
        Index(Band("perceptual_hash", *piece.parts), SearchQuality(), name=f"{prefix}_band{number}_idx")
        for number, piece in enumerate(PIECES, start=1)
    ]


class AnyOf(Lookup):
    """Whether an expression is one of many texts, which go to the database as one parameter."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        sql, params = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{sql} = ANY(%s)", (*params, list(self.rhs))
        return f"{sql} IN (SELECT value FROM json_each(%s))", (*params, json.dumps(self.rhs))


def near_bands(hashes: Iterable[str], max_distance: int) -> models.Q:
    """The rows that have a piece in common with, or near to, one of the hashes: all within the distance are among them.

    `max_distance` is 0 or more.
    """
    texts = tuple(hashes)
    found = models.Q()
    for piece, radius in zip(PIECES, best_radii(max_distance), strict=True):
        values = {value for text in texts for value in values_within(piece.of(text), radius)}
        if values:
            found |= models.Q(AnyOf(Band(F("perceptual_hash"), *piece.parts), tuple(sorted(values))))
    return found


def count_values(max_distance: int) -> int:
    """How many values are looked up for one hash."""
    return sum(map(_count_within, (piece.bits for piece in PIECES), best_radii(max_distance)))


@lru_cache
def best_radii(max_distance: int) -> tuple[int, ...]:
    """A radius for each piece; -1 where a piece need not be looked up."""
    largest = range(-1, max_distance + 1)
    fitting = (radii for radii in itertools.product(largest, repeat=len(PIECES)) if sum(radii) == max_distance - 2)
    return min(fitting, key=_cost)


def values_within(text: str, radius: int) -> list[str]:
    """The piece itself and all others that differ from it in at most `radius` bits. None for a negative radius."""
    value = int(text, 16)
    return [f"{value ^ mask:0{len(text)}x}" for mask in _masks(len(text) * BITS_OF_A_CHARACTER, radius)]


@lru_cache
def _masks(bits: int, radius: int) -> tuple[int, ...]:
    flips = itertools.chain.from_iterable(itertools.combinations(range(bits), count) for count in range(radius + 1))
    return tuple(sum(1 << bit for bit in chosen) for chosen in flips)


def _count_within(bits: int, radius: int) -> int:
    return sum(comb(bits, count) for count in range(radius + 1))


def _cost(radii: tuple[int, ...]) -> float:
    """In looked-up values; a row that has to be compared costs about as much as one."""
    counts = [(_count_within(piece.bits, radius), piece.bits) for piece, radius in zip(PIECES, radii, strict=True)]
    return sum(values * (1 + EXPECTED_ROWS / (1 << bits)) for values, bits in counts)
