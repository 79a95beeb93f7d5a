"""Hashes that other programs have computed, and whether they can be compared with those of this app."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from hashing.fingerprint.fingerprint import DETAIL_BITS, HASH_BITS, SMALL_BITS, Hashes

# The lengths of the hashes of this app, and of the two small ones together.
KNOWN_BITS = (HASH_BITS, SMALL_BITS, DETAIL_BITS)
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]+)")
# Fewer images say nothing about all others.
MIN_COMPARED = 20


class Kinship(StrEnum):
    """How foreign hashes relate to those of this app. Hashes of different pictures differ in about half of their bits.

    Comparable: the same algorithm, on pictures that another decoder has read. Related: the same idea, but not the same
    bits, such as another way of shrinking the picture: such hashes show no more than that two pictures differ much.
    """

    COMPARABLE = "comparable"
    RELATED = "related"
    UNRELATED = "unrelated"


# The parts of the bits in which the hashes of a picture differ in the median, and above which it is another picture.
MAX_MEDIAN = {Kinship.COMPARABLE: 1 / 32, Kinship.RELATED: 1 / 4}
MAX_DISTANCE = {Kinship.COMPARABLE: 1 / 6, Kinship.RELATED: 3 / 8}


class ForeignHash(NamedTuple):
    bits: int
    number: int


def parse_foreign(value: object) -> ForeignHash | None:
    """Return a hash of 64, 128 or 256 bits: hexadecimal text, bytes, or the integer of 64 bits, also a signed one.

    Return None for anything else.
    """
    if isinstance(value, bytes | memoryview):
        value = bytes(value).hex()
    if isinstance(value, int):
        is_known = -(2 ** (HASH_BITS - 1)) <= value < 2**HASH_BITS and not isinstance(value, bool)
        return ForeignHash(HASH_BITS, value % 2**HASH_BITS) if is_known else None
    found = _HEX.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or 4 * len(found[1]) not in KNOWN_BITS:
        return None
    return ForeignHash(4 * len(found[1]), int(found[1], 16))


class Layout(NamedTuple):
    """One or two hashes of this app, as other programs join them."""

    name: str
    bits: int
    of: Callable[[Hashes[int]], int]


LAYOUTS = (
    Layout("perceptual_hash", HASH_BITS, lambda own: own.perceptual),
    Layout("vertical_hash", HASH_BITS, lambda own: own.vertical),
    Layout("perceptual_hash + vertical_hash", SMALL_BITS, lambda own: own.perceptual << HASH_BITS | own.vertical),
    Layout("detail_hash", DETAIL_BITS, lambda own: own.detail),
)


@dataclass
class Comparison:
    """The distances of foreign hashes to those of one layout, of the same images."""

    layout: Layout
    distances: Counter[int] = field(default_factory=Counter)

    @property
    def compared(self) -> int:
        return self.distances.total()

    @property
    def equal(self) -> int:
        return self.distances[0]

    @property
    def median(self) -> int:
        """The lower median."""
        return sorted(self.distances.elements())[(self.compared - 1) // 2]

    @cached_property
    def kinship(self) -> Kinship:
        for kinship, part in MAX_MEDIAN.items():
            if self.compared >= MIN_COMPARED and self.median <= part * self.layout.bits:
                return kinship
        return Kinship.UNRELATED

    def distance(self, foreign: ForeignHash, own: Hashes[int]) -> int:
        return (foreign.number ^ self.layout.of(own)).bit_count()

    def is_changed(self, distance: int) -> bool:
        """Whether hashes are too far apart to be those of one picture. Unrelated hashes cannot tell."""
        return distance > MAX_DISTANCE[self.kinship] * self.layout.bits


def compare(pairs: Iterable[tuple[ForeignHash, Hashes[int]]]) -> list[Comparison]:
    """Compare the foreign and the own hash of each image in every layout of their length, the nearest first."""
    found = {layout.name: Comparison(layout) for layout in LAYOUTS}
    for foreign, own in pairs:
        for comparison in found.values():
            if comparison.layout.bits == foreign.bits:
                comparison.distances[comparison.distance(foreign, own)] += 1
    compared = [each for each in found.values() if each.compared]
    return sorted(compared, key=lambda each: each.median / each.layout.bits)
