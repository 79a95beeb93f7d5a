"""Rows at chosen distances from one picture, and what the rule says of them when each is compared by itself."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple, Self

from hashing.fingerprint import fingerprint
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.fingerprint.orientations import Orientation, orient
from hashing.fingerprint.similarity import is_match
from hashing.models import ImageAsset

# Qualities around the bends of the rule, and a minimum of 35.
QUALITIES = (0, 30, 31, 34, 35, 36, 42, 60, 79, 80, 81, 100, None)


class Hashes(NamedTuple):
    perceptual: int
    vertical: int
    detail: int

    @classmethod
    def of(cls, row: ImageAsset) -> Self:
        return cls(int(row.perceptual_hash, 16), int(row.vertical_hash, 16), int(row.detail_hash, 16))

    def oriented(self, orientation: Orientation) -> Hashes:
        return Hashes(*orient(fingerprint.Hashes(*self), orientation))

    def flipped(self, small_bits: Iterable[int], detail_bits: Iterable[int]) -> Hashes:
        """`small_bits` are 0 to 127: from 64 on those of the perceptual hash."""
        small = self.perceptual << 64 | self.vertical
        small ^= sum(1 << bit for bit in small_bits)
        return Hashes(small >> 64, small & (1 << 64) - 1, self.detail ^ sum(1 << bit for bit in detail_bits))

    def distances(self, other: Hashes) -> tuple[int, int]:
        """Bits of the small hashes, and of the large one."""
        one, two, large = ((ours ^ theirs).bit_count() for ours, theirs in zip(self, other, strict=True))
        return one + two, large

    @property
    def fields(self) -> dict[str, str]:
        return {
            "perceptual_hash": f"{self.perceptual:016x}",
            "vertical_hash": f"{self.vertical:016x}",
            "detail_hash": f"{self.detail:064x}",
        }


PICTURE = Hashes(0x0123456789ABCDEF, 0xFEDCBA9876543210, int("0f1e2d3c4b5a69788796a5b4c3d2e1f0" * 2, 16))


def asset(hashes: Hashes = PICTURE, **fields) -> ImageAsset:
    """A row that is not saved."""
    known = {"image": "x.jpg", "hash_quality": 90, "hash_version": HASH_VERSION, **hashes.fields}
    return ImageAsset(**known | fields)


def add(hashes: Hashes = PICTURE, **fields) -> ImageAsset:
    return ImageAsset.objects.bulk_create([asset(hashes, **fields)])[0]


def add_neighbourhood(seed: int, count: int) -> list[ImageAsset]:
    """Rows at all distances from PICTURE, many at the bends of the rule, many turned, of many qualities."""
    dice = random.Random(seed)
    return ImageAsset.objects.bulk_create(_neighbour(dice) for _ in range(count))


def _neighbour(dice: random.Random) -> ImageAsset:
    turned = PICTURE.oriented(dice.choice([Orientation.UPRIGHT, dice.choice(list(Orientation))]))
    small = dice.choice([0, 1, 2, 5, 10, 19, 20, 21, 26, 40, 64, 128])
    total = dice.choice([small, small + 1, 50, 51, 98, 99, 100, 101, 128, dice.randint(0, 384)])
    detail = min(max(total - small, 0), 256)
    # Spread evenly, so that no band is nearer than it has to be, or at random.
    spread = [number * 128 // small for number in range(small)] if small else []
    bits = dice.choice([spread, dice.sample(range(128), small)])
    return asset(turned.flipped(bits, dice.sample(range(256), detail)), hash_quality=dice.choice(QUALITIES))


def brute_force(
    rows: Iterable[ImageAsset],
    wanted: ImageAsset,
    max_distance: int,
    orientations: Iterable[Orientation] = (Orientation.UPRIGHT,),
    min_quality: int = 35,
) -> dict[int, tuple[int, int]]:
    """The distance and orientation of the best match of each row."""
    copies = [(orientation, Hashes.of(wanted).oriented(orientation)) for orientation in orientations]
    found = {}
    for row in rows:
        quality = min(100 if known is None else known for known in (row.hash_quality, wanted.hash_quality))
        own = Hashes.of(row)
        fitting = [
            (sum(distances), int(orientation))
            for orientation, copy in copies
            if is_match(*(distances := own.distances(copy)), quality, max_distance)
        ]
        if fitting and quality >= min_quality:
            found[row.pk] = min(fitting)
    return found
