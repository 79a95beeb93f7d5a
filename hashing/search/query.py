from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Protocol, Self

from hashing.conf import hashing_settings
from hashing.fingerprint.fingerprint import (
    DETAIL_BITS,
    HASH_BITS,
    HASH_VERSION,
    Fingerprint,
    Hashes,
    format_hash,
    parse_hashes,
)
from hashing.fingerprint.orientations import Orientation, orient
from hashing.fingerprint.similarity import (
    DEFAULT_HASH_DISTANCE,
    LARGEST_DISTANCE,
    Framing,
    Part,
    compared_parts,
    distance_limit,
    distance_of_parts,
    small_limit,
)

# The best match of a row is the least of `distance << DISTANCE_SHIFT | code`.
FRAMING_SHIFT = (len(Orientation) - 1).bit_length()
DISTANCE_SHIFT = FRAMING_SHIFT + (len(Framing) - 1).bit_length()


class HashedRow(Protocol):
    """A row that has hashes, such as an `ImageAsset`."""

    @property
    def perceptual_hash(self) -> str | None: ...
    @property
    def vertical_hash(self) -> str | None: ...
    @property
    def detail_hash(self) -> str | None: ...
    @property
    def hash_quality(self) -> int | None: ...
    @property
    def hash_version(self) -> int | None: ...
    @property
    def file_digest(self) -> str | None: ...
    @property
    def inside_perceptual_hash(self) -> str | None: ...
    @property
    def inside_vertical_hash(self) -> str | None: ...
    @property
    def inside_detail_hash(self) -> str | None: ...
    @property
    def inside_quality(self) -> int | None: ...


@dataclass(frozen=True)
class PartHashes:
    """The hashes of a picture, or of what is inside its frame."""

    part: Part
    hashes: Hashes[int]
    quality: int | None

    def copies(self, orientations: tuple[Orientation, ...]) -> tuple[str, ...]:
        """Return the three hashes in hexadecimal, joined, for each orientation."""
        return tuple(join_hashes(orient(self.hashes, orientation)) for orientation in orientations)


@dataclass(frozen=True)
class PartPair:
    """A part of the picture that is searched for, and the part of a row that it is compared with.

    `is_framed`: whether the row must have a frame, None if it does not matter.
    """

    own: PartHashes
    row: Part
    is_framed: bool | None

    def code(self, orientation: Orientation) -> int:
        """Return how a row matched: the framing, and the orientation."""
        return Framing.of(self.own.part, self.row) << FRAMING_SHIFT | orientation - Orientation.UPRIGHT


@dataclass(frozen=True)
class HashQuery:
    """The hashes of one picture, and what may match it.

    `parts` are those with a sufficient quality; `is_framed` is true of a picture with an inside of any quality.
    `max_distance` is 0 to 384. Only rows with hashes of the same `version` are compared, not by a part below
    `min_quality`, and by what is inside their frames only with `compare_insides`. Rows with the same `file_digest`
    always match.
    """

    parts: tuple[PartHashes, ...]
    is_framed: bool
    max_distance: int
    min_quality: int
    orientations: tuple[Orientation, ...]
    version: int = HASH_VERSION
    compare_insides: bool = True
    file_digest: str | None = None

    @classmethod
    def of(
        cls,
        source: HashedRow | Fingerprint,
        max_distance: int,
        *,
        any_orientation: bool,
        include_low_quality: bool,
    ) -> Self:
        """Raise `ValueError` for a picture without all three hashes."""
        return cls(
            searchable_parts(source, include_low_quality=include_low_quality),
            is_framed=inside_of(source) is not None,
            max_distance=max_distance,
            min_quality=minimum_quality(include_low_quality=include_low_quality),
            orientations=tuple(Orientation) if any_orientation else (Orientation.UPRIGHT,),
            version=version_of(source),
            compare_insides=hashing_settings().COMPARE_INSIDE_FRAMES,
            file_digest=digest_of(source),
        )

    def distance_of(self, pair: PartPair) -> int:
        """Return the `max_distance` within which two parts are compared."""
        return distance_of_parts(self.max_distance, pair.own.part, pair.row)

    def small_limit_of(self, pair: PartPair) -> int:
        """Return how many bits of the small hashes may differ in a match. The quality of a row can only lower it."""
        distance = self.distance_of(pair)
        return min(small_limit(distance), distance_limit(distance, pair.own.quality))

    @cached_property
    def pairs(self) -> tuple[PartPair, ...]:
        """What is compared with what, by `compared_parts`."""
        unframed = compared_parts(is_framed=self.is_framed, other_is_framed=False)
        framed = compared_parts(is_framed=self.is_framed, other_is_framed=self.compare_insides)
        found = []
        for own, row in product(self.parts, Part):
            allowed = {
                is_framed for is_framed, pairs in ((False, unframed), (True, framed)) if (own.part, row) in pairs
            }
            if allowed:
                found.append(PartPair(own, row, is_framed=None if len(allowed) > 1 else allowed.pop()))
        return tuple(found)


def join_hashes(hashes: Hashes[int]) -> str:
    small = format_hash(hashes.perceptual) + format_hash(hashes.vertical)
    return small + format_hash(hashes.detail, DETAIL_BITS)


def is_searchable(source: HashedRow | Fingerprint, *, include_low_quality: bool) -> bool:
    """Return whether a picture has all three hashes, and a sufficient quality to be searched by them.

    A sufficient quality of the whole or of the inside will do. Raise `ValueError` for malformed hashes.
    """
    if not isinstance(source, Fingerprint) and None in (
        source.perceptual_hash,
        source.vertical_hash,
        source.detail_hash,
    ):
        return False
    return bool(searchable_parts(source, include_low_quality=include_low_quality))


def searchable_parts(source: HashedRow | Fingerprint, *, include_low_quality: bool) -> tuple[PartHashes, ...]:
    """Return what of a picture is compared. Raise `ValueError` for missing or malformed hashes."""
    lowest = minimum_quality(include_low_quality=include_low_quality)
    parts = whole_of(source), inside_of(source)
    return tuple(part for part in parts if part and (part.quality is None or part.quality >= lowest))


def minimum_quality(*, include_low_quality: bool) -> int:
    return 0 if include_low_quality else hashing_settings().MIN_QUALITY


def whole_of(source: HashedRow | Fingerprint) -> PartHashes:
    """Return the hashes of a picture. Raise `ValueError` if one is missing or malformed."""
    hashes = source.perceptual_hash, source.vertical_hash, source.detail_hash
    quality = source.quality if isinstance(source, Fingerprint) else source.hash_quality
    return PartHashes(Part.WHOLE, parse_known_hashes(*hashes), quality)


def inside_of(source: HashedRow | Fingerprint) -> PartHashes | None:
    """Return the hashes of what is inside a frame; None if there is none, or the site does not compare it.

    Raise `ValueError` if one is malformed.
    """
    if not hashing_settings().COMPARE_INSIDE_FRAMES:
        return None
    if isinstance(source, Fingerprint):
        inside = source.inside
        return PartHashes(Part.INSIDE, parse_hashes(*inside[:3]), inside.quality) if inside else None
    if source.inside_quality is None:
        return None
    hashes = source.inside_perceptual_hash, source.inside_vertical_hash, source.inside_detail_hash
    return PartHashes(Part.INSIDE, parse_known_hashes(*hashes), source.inside_quality)


def parse_known_hashes(*texts: str | None) -> Hashes[int]:
    perceptual, vertical, detail = texts
    if perceptual is None or vertical is None or detail is None:
        raise ValueError("There is no hash to search by")
    return parse_hashes(perceptual, vertical, detail)


def version_of(source: HashedRow | Fingerprint) -> int:
    """Return the version of the hashes of a picture. Those of a row without one count as of this version."""
    version = None if isinstance(source, Fingerprint) else source.hash_version
    return HASH_VERSION if version is None else version


def digest_of(source: HashedRow | Fingerprint) -> str | None:
    return None if isinstance(source, Fingerprint) else source.file_digest


def check_distance(max_distance: int | None) -> int:
    """Return the distance; for None, that of the settings. Raise `ValueError` outside 0 to 384."""
    distance = hashing_settings().MAX_DISTANCE if max_distance is None else max_distance
    if not 0 <= distance <= LARGEST_DISTANCE:
        raise ValueError(f"max_distance must be between 0 and {LARGEST_DISTANCE}, not {distance}")
    return distance


def check_hash_distance(max_distance: int | None) -> int:
    """Return the distance of one hash alone; for None, its default. Raise `ValueError` outside 0 to 64."""
    distance = DEFAULT_HASH_DISTANCE if max_distance is None else max_distance
    if not 0 <= distance <= HASH_BITS:
        raise ValueError(f"max_distance of one hash must be between 0 and {HASH_BITS}, not {distance}")
    return distance
