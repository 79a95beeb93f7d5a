"""The bands of the small hashes, and the indexes on them; docs/explanation/search.md explains their use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from django.db.models import F, Func, Index, IntegerField, Q, TextField

from hashing.db.expressions import VendorFunc
from hashing.fingerprint.similarity import BEST_QUALITY

BITS_PER_CHARACTER = 4


class Substring(NamedTuple):
    """Characters of a hexadecimal hash; `start` counts from 1, as in SQL."""

    start: int
    length: int


@dataclass(frozen=True)
class Band:
    """Characters of the hash in `field`, joined.

    `skew`: how many rows share a value of the band, as a multiple of those in a table of random hashes.
    """

    field: str
    substrings: tuple[Substring, ...]
    skew: float

    @property
    def length(self) -> int:
        return sum(length for _, length in self.substrings)

    @property
    def bits(self) -> int:
        return self.length * BITS_PER_CHARACTER

    def value_of(self, hexadecimal: str) -> int:
        """Return the band of a hash, given as text."""
        return int("".join(hexadecimal[start - 1 : start - 1 + length] for start, length in self.substrings), 16)

    @cached_property
    def expression(self) -> Func:
        """The band of a row: an integer on PostgreSQL, which compares integers fastest, and text on SQLite.

        Its numbers are literals in the SQL: an index on an expression does not match parameters.
        """
        text = " || ".join(f"SUBSTR(%(expressions)s, {start}, {length})" for start, length in self.substrings)
        return VendorFunc(
            F(self.field),
            template=f"({text})",
            postgresql=f"(('x' || {text})::bit({self.bits})::int)",
            output_field=TextField(),
        )


# Each band is spread over the whole height of the picture (two characters are a row of it). Neighbouring rows are
# alike: the first five characters of thousands of photographs are those of a plain sky, and such a band would find
# three to four times as many rows.
SUBSTRINGS = (
    (Substring(1, 1), Substring(6, 2), Substring(12, 2)),
    (Substring(2, 2), Substring(8, 2), Substring(14, 1)),
    (Substring(4, 2), Substring(10, 2), Substring(15, 2)),
)
PERCEPTUAL_BANDS = tuple(Band("perceptual_hash", substrings, skew=2) for substrings in SUBSTRINGS)
# Most photographs grow darker from top to bottom, so their vertical hashes are less random.
BANDS = (*PERCEPTUAL_BANDS, *(Band("vertical_hash", substrings, skew=5) for substrings in SUBSTRINGS))

# Few rows have a frame, so shorter bands, of which fewer values are looked up, find few enough of them. Each has one
# character of every other row of the picture.
INSIDE_SUBSTRINGS = tuple(
    tuple(Substring(start, 1) for start in starts)
    for starts in ((1, 6, 9, 14), (2, 5, 10, 13), (3, 8, 11, 16), (4, 7, 12, 15))
)
INSIDE_BANDS = (
    *(Band("inside_perceptual_hash", substrings, skew=1.3) for substrings in INSIDE_SUBSTRINGS),
    *(replace(band, field=f"inside_{band.field}") for band in BANDS if band not in PERCEPTUAL_BANDS),
)
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
