"""The small hashes in bands, each with an index.

When two fingerprints differ in at most d bits, and n bands are given radii whose sum is d - (n - 1), then some band
differs in at most its radius: otherwise the bits would add up to d + 1. So all values within the radii are looked up,
and what is found is compared in full.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import models
from django.db.models import Func, Index

from hashing.fingerprint.similarity import BEST_QUALITY

BITS_PER_CHARACTER = 4


class Substring(NamedTuple):
    """Characters of the hexadecimal hash; `start` counts from 1, as in SQL."""

    start: int
    length: int


@dataclass(frozen=True)
class Band:
    """Characters from several places of one hash, joined.

    `skew`: rows that share a looked-up value of a photograph, as a multiple of those in a table of random hashes.
    """

    field: str
    parts: tuple[Substring, ...]
    skew: float

    @property
    def length(self) -> int:
        return sum(part.length for part in self.parts)

    @property
    def bits(self) -> int:
        return self.length * BITS_PER_CHARACTER

    def cut(self, text: str) -> str:
        return "".join(text[start - 1 : start - 1 + length] for start, length in self.parts)


# Two characters are a row of the picture, and what lies side by side in a photograph goes together: in thousands of
# them the first five characters are those of a plain sky. Of bands that are spread over the whole height a quarter
# to a third as many rows have to be compared.
SUBSTRINGS = (
    (Substring(1, 1), Substring(6, 2), Substring(12, 2)),
    (Substring(2, 2), Substring(8, 2), Substring(14, 1)),
    (Substring(4, 2), Substring(10, 2), Substring(15, 2)),
)
PERCEPTUAL_BANDS = tuple(Band("perceptual_hash", parts, skew=2) for parts in SUBSTRINGS)
# From top to bottom, photographs grow darker alike.
BANDS = (*PERCEPTUAL_BANDS, *(Band("vertical_hash", parts, skew=5) for parts in SUBSTRINGS))


class BandValue(Func):
    """One band of a hash: a whole number on PostgreSQL, which compares numbers fastest, and text on SQLite.

    The numbers of its parts stand in the SQL itself: as parameters they would match no index.
    """

    arity = 1

    def __init__(self, expression: Any, *parts: tuple[int, int], **extra: Any) -> None:
        """`parts` are the `(start, length)` of a band."""
        super().__init__(expression, output_field=models.TextField(), **extra)
        self.parts = parts
        self.template = f"({self._joined()})"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        bits = BITS_PER_CHARACTER * sum(length for _, length in self.parts)
        template = f"(('x' || {self._joined()})::bit({bits})::int)"
        return self.as_sql(compiler, connection, template=template)

    def _joined(self) -> str:
        return " || ".join(f"SUBSTR(%(expressions)s, {start:d}, {length:d})" for start, length in self.parts)


class SearchQuality(Func):
    """The quality of a hash, for comparing and for the index."""

    function = "COALESCE"
    template = f"%(function)s(%(expressions)s, {BEST_QUALITY})"
    arity = 1

    def __init__(self, expression: Any = "hash_quality", **extra: Any) -> None:
        super().__init__(expression, output_field=models.IntegerField(), **extra)


def band_indexes() -> list[Index]:
    """Return the indexes of image assets that `similar_to()` needs.

    The quality is in them so that a hundred thousand blank pages, equal in every band, are not even looked at.
    """
    return [
        Index(BandValue(band.field, *band.parts), SearchQuality(), name=f"image_asset_band{number}_idx")
        for number, band in enumerate(BANDS, start=1)
    ]


@lru_cache
def masks(bits: int, radius: int) -> tuple[int, ...]:
    """Return what a band of `bits` bits is combined with to get every value within the radius; none if negative."""
    flips = itertools.chain.from_iterable(itertools.combinations(range(bits), count) for count in range(radius + 1))
    return tuple(sum(1 << bit for bit in chosen) for chosen in flips)
