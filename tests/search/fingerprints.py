"""Rows at chosen distances from one picture, and what the rule says of them when each is compared by itself."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

from hashing.fingerprint import fingerprint
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.fingerprint.orientations import Orientation, orient
from hashing.fingerprint.similarity import Framing, Match, Part, compared_parts, distance_of_parts, is_match
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

    @classmethod
    def of_inside(cls, row: ImageAsset) -> Self:
        hashes = row.inside_perceptual_hash, row.inside_vertical_hash, row.inside_detail_hash
        return cls(*(int(each, 16) for each in hashes))

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


# What is inside the frame of a picture, for those that have one.
INSIDE = Hashes(0x5A5A0FF00FF0A5A5, 0x13579BDF2468ACE0, int("c3a5960ff05a693c" * 4, 16))


def asset(hashes: Hashes = PICTURE, **fields) -> ImageAsset:
    """A row that is not saved."""
    known = {"image": "x.jpg", "hash_quality": 90, "hash_version": HASH_VERSION, **hashes.fields}
    return ImageAsset(**known | fields)


def add(hashes: Hashes = PICTURE, **fields) -> ImageAsset:
    return ImageAsset.objects.bulk_create([asset(hashes, **fields)])[0]


def inside_fields(hashes: Hashes = INSIDE, quality: int | None = 90) -> dict[str, object]:
    """The columns of what is inside a frame; without a quality, those of a picture without a frame."""
    if quality is None:
        return {}
    return {f"inside_{name}": text for name, text in hashes.fields.items()} | {"inside_quality": quality}


def add_neighbourhood(seed: int, count: int) -> list[ImageAsset]:
    """Rows at all distances from PICTURE and INSIDE, many at the bends of the rule, many turned, many framed, of many
    qualities.
    """
    dice = random.Random(seed)
    return ImageAsset.objects.bulk_create(_neighbour(dice) for _ in range(count))


def _neighbour(dice: random.Random) -> ImageAsset:
    whole, inside = (_near_hashes(dice, dice.choice([PICTURE, PICTURE, INSIDE])) for _ in range(2))
    inside_quality = dice.choice([None, dice.choice(QUALITIES)])
    return asset(whole, hash_quality=dice.choice(QUALITIES), **inside_fields(inside, inside_quality))


def _near_hashes(dice: random.Random, picture: Hashes) -> Hashes:
    turned = picture.oriented(dice.choice([Orientation.UPRIGHT, dice.choice(list(Orientation))]))
    small = dice.choice([0, 1, 2, 5, 10, 14, 15, 16, 19, 20, 21, 26, 40, 64, 128])
    total = dice.choice([small, small + 1, 50, 51, 75, 76, 98, 99, 100, 101, 128, dice.randint(0, 384)])
    detail = min(max(total - small, 0), 256)
    # Spread evenly, so that no band is nearer than it has to be, or at random.
    spread = [number * 128 // small for number in range(small)] if small else []
    bits = dice.choice([spread, dice.sample(range(128), small)])
    return turned.flipped(bits, dice.sample(range(256), detail))


def parts_of(row: ImageAsset) -> dict[Part, tuple[Hashes, int | None]]:
    parts = {Part.WHOLE: (Hashes.of(row), row.hash_quality)}
    if row.inside_quality is not None:
        parts[Part.INSIDE] = Hashes.of_inside(row), row.inside_quality
    return parts


def brute_force(
    rows: Iterable[ImageAsset],
    wanted: ImageAsset,
    max_distance: int,
    orientations: Iterable[Orientation] = (Orientation.UPRIGHT,),
    min_quality: int = 35,
) -> dict[int, Match]:
    """The best match of each row."""
    found = {}
    for row in rows:
        matches = list(_matches(row, wanted, max_distance, orientations, min_quality))
        if matches:
            found[row.pk] = min(matches)
    return found


def _matches(
    row: ImageAsset, wanted: ImageAsset, max_distance: int, orientations: Iterable[Orientation], min_quality: int
) -> Iterator[Match]:
    own, others = parts_of(wanted), parts_of(row)
    for pair in compared_parts(is_framed=len(own) > 1, other_is_framed=len(others) > 1):
        (hashes, quality), (other, other_quality) = own[pair[0]], others[pair[1]]
        lower = min(100 if known is None else known for known in (quality, other_quality))
        for orientation in orientations:
            distances = other.distances(hashes.oriented(orientation))
            limit = distance_of_parts(max_distance, *pair)
            if lower >= min_quality and is_match(*distances, lower, limit):
                yield Match(sum(distances), Framing.of(*pair), orientation)
