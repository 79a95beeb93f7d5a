"""Groups of bands, in some of which two values must agree when they differ in few bits.

The bits of the values are distributed over groups, and each group is cut into bands. When d errors are spread over
groups that are allowed r1, r2, ... of them, with (r1 + 1) + (r2 + 1) + ... = d + 1, at least one group stays within its
allowance: all of its bands except r are free of errors. So two values within distance d agree in some `kept` bands of
some group, and these are their common key. More kept bands mean longer keys, with fewer candidates for each, but more
keys to sort by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.fingerprint.fingerprint import HASH_BITS
from hashing.hamming_join.fingerprints import Values

# NumPy sorts numbers of 16 bits by radix, several times faster than others.
KEY_BITS = 16
# Words that are gathered at a time, to fit into the cache.
GATHERED_WORDS = 1 << 14


class Band(NamedTuple):
    """`width` bits of a word, from `shift` on."""

    shift: int
    width: int

    def of(self, words: Values) -> Values:
        return words >> np.uint64(self.shift) & np.uint64((1 << self.width) - 1)


class SplitKey(NamedTuple):
    """The bits of a key that partition the words, and those that sort each partition, at most `KEY_BITS`.

    Further bits are ignored.
    """

    prefix: tuple[Band, ...]
    rest: tuple[Band, ...]


@dataclass(frozen=True)
class BandGroup:
    """Some bits of all values, gathered in one word each: the numbers of these bits are `sources`, highest first.

    Two words may differ in `errors` bits, and then agree in `kept` of the bands. The first `prefix_bits` of a key
    partition the words.
    """

    sources: tuple[int, ...]
    bands: tuple[Band, ...]
    kept: int
    errors: int
    prefix_bits: int

    def words(self, high: Values, low: Values) -> Values:
        """Return the bits of the group for all values. Bit 127 is the highest of `high`."""
        words = np.zeros_like(high)
        for start in range(0, len(high), GATHERED_WORDS):
            chunk = slice(start, start + GATHERED_WORDS)
            word = words[chunk]
            for source in self.sources:
                values = high[chunk] if source >= HASH_BITS else low[chunk]
                word <<= np.uint64(1)
                word |= values >> np.uint64(source % HASH_BITS) & np.uint64(1)
        return words

    @cached_property
    def keys(self) -> list[tuple[Band, ...]]:
        return list(combinations(self.bands, self.kept))

    def split(self, key: Sequence[Band]) -> SplitKey:
        prefix, rest = cut_bands(key, self.prefix_bits)
        return SplitKey(tuple(prefix), tuple(cut_bands(rest, KEY_BITS)[0]))

    def first_key_of(self, differences: Values) -> npt.NDArray[np.int16]:
        """Return the number of the first key in which two words with these differences agree, or -1."""
        agreed = np.zeros(len(differences), np.uint16)
        for band in self.bands:
            agreed <<= 1
            agreed |= band.of(differences) == 0
        return self._first_keys[agreed]

    @cached_property
    def _first_keys(self) -> npt.NDArray[np.int16]:
        """The number of the first key in which two words agree, or -1, by a bit mask of the bands that are equal."""
        highest = len(self.bands) - 1
        numbers = {
            sum(1 << highest - self.bands.index(band) for band in key): number for number, key in enumerate(self.keys)
        }
        found = np.full(1 << len(self.bands), -1, np.int16)
        for agreed in range(len(found)):
            highest_first = [bit for bit in reversed(range(len(self.bands))) if agreed >> bit & 1]
            if len(highest_first) >= self.kept:
                found[agreed] = numbers[sum(1 << bit for bit in highest_first[: self.kept])]
        return found


def cut_bands(bands: Sequence[Band], bits: int) -> tuple[list[Band], list[Band]]:
    """Return the first `bits` bits of the bands, and the others."""
    first, rest = list[Band](), list[Band]()
    for shift, width in bands:
        taken = min(width, bits)
        bits -= taken
        first += [Band(shift + width - taken, taken)] if taken else []
        rest += [Band(shift, width - taken)] if taken < width else []
    return first, rest
