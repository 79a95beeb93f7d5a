"""The bands of the small hashes, and the indexes on them; docs/explanation/search.md explains their use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from django.db.models import BigIntegerField, F, Func, Index, IntegerField, Q, TextField

from hashing.db.expressions import VendorFunc
from hashing.fingerprint.fingerprint import HASH_BITS
from hashing.fingerprint.similarity import BEST_QUALITY

BITS_PER_CHARACTER = 4
HASH_CHARACTERS = HASH_BITS // BITS_PER_CHARACTER
# Where a hash begins in the hashes of a part, joined.
FIRST_CHARACTERS = {"perceptual_hash": 0, "vertical_hash": HASH_CHARACTERS}


@dataclass(frozen=True)
class Band(ABC):
    """Some bits of the small hashes.

    `skew`: how many rows share a value of the band, as a multiple of those in a table of random hashes.
    """

    skew: float

    @property
    @abstractmethod
    def positions(self) -> tuple[int, ...]:
        """The bits of a value, counted from the least significant one."""

    @property
    def bits(self) -> int:
        return len(self.positions)

    @property
    def largest(self) -> int:
        return sum(1 << position for position in self.positions)

    @property
    @abstractmethod
    def expression(self) -> Func:
        """The band of a row. Its numbers are literals in the SQL: an index does not match parameters."""

    @property
    @abstractmethod
    def postgresql_type(self) -> str:
        """The type of the expression."""

    @property
    @abstractmethod
    def sqlite_value(self) -> str:
        """SQL that converts an integer, in the place of `{}`, to the type of the expression."""

    @abstractmethod
    def value_of(self, copy: str) -> int:
        """Return the band of the hexadecimal hashes of a part of a picture, joined."""


class Substring(NamedTuple):
    """Characters of a hexadecimal hash; `start` counts from 1, as in SQL."""

    start: int
    length: int


@dataclass(frozen=True)
class SubstringBand(Band):
    """Characters of the hash in `field`, which is stored as text, joined.

    An integer on PostgreSQL, which compares integers fastest, and text on SQLite.
    """

    field: str
    substrings: tuple[Substring, ...]

    postgresql_type = "int"

    @property
    def length(self) -> int:
        return sum(length for _, length in self.substrings)

    @cached_property
    def positions(self) -> tuple[int, ...]:
        return tuple(range(self.length * BITS_PER_CHARACTER))

    @property
    def sqlite_value(self) -> str:
        return f"printf('%%0{self.length}x', {{}})"

    def value_of(self, copy: str) -> int:
        text = copy[FIRST_CHARACTERS[self.field] :]
        return int("".join(text[start - 1 : start - 1 + length] for start, length in self.substrings), 16)

    @cached_property
    def expression(self) -> Func:
        text = " || ".join(f"SUBSTR(%(expressions)s, {start}, {length})" for start, length in self.substrings)
        return VendorFunc(
            F(self.field),
            template=f"({text})",
            postgresql=f"(('x' || {text})::bit({self.bits})::int)",
            output_field=TextField(),
        )


@dataclass(frozen=True)
class MaskBand(Band):
    """Bits of both small hashes of an inside, which are stored as integers.

    Each position has the bit of one of them, by two masks without a common bit, or 0.
    """

    perceptual: int
    vertical: int

    postgresql_type = "bigint"
    sqlite_value = "{}"

    @cached_property
    def positions(self) -> tuple[int, ...]:
        mask = self.perceptual | self.vertical
        return tuple(position for position in range(HASH_BITS) if mask >> position & 1)

    def value_of(self, copy: str) -> int:
        perceptual, vertical = copy[:HASH_CHARACTERS], copy[HASH_CHARACTERS : 2 * HASH_CHARACTERS]
        return int(perceptual, 16) & self.perceptual | int(vertical, 16) & self.vertical

    @cached_property
    def expression(self) -> Func:
        return Func(
            F("inside_perceptual_hash"),
            F("inside_vertical_hash"),
            template=f"((%(expressions)s & {self.vertical}))",
            arg_joiner=f" & {self.perceptual}) | (",
            output_field=BigIntegerField(),
        )


# Each band is spread over the whole height of the picture (two characters are a row of it). Neighbouring rows are
# alike: the first five characters of thousands of photographs are those of a plain sky, and such a band would find
# three to four times as many rows.
SUBSTRINGS = (
    (Substring(1, 1), Substring(6, 2), Substring(12, 2)),
    (Substring(2, 2), Substring(8, 2), Substring(14, 1)),
    (Substring(4, 2), Substring(10, 2), Substring(15, 2)),
)
PERCEPTUAL_BANDS = tuple(SubstringBand(2, "perceptual_hash", substrings) for substrings in SUBSTRINGS)
# Most photographs grow darker from top to bottom, so their vertical hashes are less random.
BANDS = (*PERCEPTUAL_BANDS, *(SubstringBand(5, "vertical_hash", substrings) for substrings in SUBSTRINGS))

# Few rows have a frame, so short bands find few enough of them, and many rows share a value, which PostgreSQL stores
# once. Each band has every ninth bit of both hashes, at other places in one than in the other: bits of different rows
# and columns of the picture are less alike. The sign of an integer is in no band.
STEP = 9
MASKS = tuple(sum(1 << position for position in range(first, HASH_BITS - 1, STEP)) for first in range(STEP))
INSIDE_BANDS = tuple(MaskBand(2, MASKS[number], MASKS[(number + 5) % STEP]) for number in range(8))
INSIDE_INDEX = "image_asset_inside{number}_idx"
HAS_INSIDE = Q(inside_quality__isnull=False)

# The quality of a row; an unknown one counts as the best.
SEARCH_QUALITY = Func(
    F("hash_quality"), template=f"COALESCE(%(expressions)s, {BEST_QUALITY})", output_field=IntegerField()
)


def band_indexes() -> list[Index]:
    """Return the indexes of image assets that `similar_to()` needs.

    Those of whole pictures include the quality, so that a search skips the many blank pages, whose bands are all equal.
    Those of insides contain only the rows with a frame.
    """
    whole = [
        Index(band.expression, SEARCH_QUALITY, name=f"image_asset_band{number}_idx")
        for number, band in enumerate(BANDS, start=1)
    ]
    inside = [
        Index(band.expression, condition=HAS_INSIDE, name=INSIDE_INDEX.format(number=number))
        for number, band in enumerate(INSIDE_BANDS, start=1)
    ]
    return whole + inside
