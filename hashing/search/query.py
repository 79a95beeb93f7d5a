from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
from hashing.fingerprint.similarity import DEFAULT_HASH_DISTANCE, LARGEST_DISTANCE, distance_limit, small_limit


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


@dataclass(frozen=True)
class HashQuery:
    """The hashes of one picture, and what may match it.

    `max_distance` is 0 to 384. Rows below `min_quality` do not match. Rows with the same `file_digest` always do.
    """

    hashes: Hashes[int]
    quality: int | None
    max_distance: int
    min_quality: int
    orientations: tuple[Orientation, ...]
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
            hashes_of(source),
            quality=quality_of(source),
            max_distance=max_distance,
            min_quality=0 if include_low_quality else hashing_settings().MIN_QUALITY,
            orientations=tuple(Orientation) if any_orientation else (Orientation.UPRIGHT,),
            file_digest=digest_of(source),
        )

    @property
    def small_limit(self) -> int:
        """Bits in which the two small hashes of a match may differ. The quality of a row can only lower it."""
        return min(small_limit(self.max_distance), distance_limit(self.max_distance, self.quality))

    @cached_property
    def copies(self) -> tuple[str, ...]:
        """The three hashes in hexadecimal, joined, for each orientation."""
        return tuple(map(self._copy, self.orientations))

    def _copy(self, orientation: Orientation) -> str:
        copy = orient(self.hashes, orientation)
        return format_hash(copy.perceptual) + format_hash(copy.vertical) + format_hash(copy.detail, DETAIL_BITS)


def is_searchable(source: HashedRow | Fingerprint, *, include_low_quality: bool) -> bool:
    """Return whether a picture has the hashes of this version, and a sufficient quality to be searched by them."""
    if not isinstance(source, Fingerprint):
        if None in (source.perceptual_hash, source.vertical_hash, source.detail_hash):
            return False
        if source.hash_version not in (HASH_VERSION, None):
            return False
    quality = quality_of(source)
    return include_low_quality or quality is None or quality >= hashing_settings().MIN_QUALITY


def hashes_of(source: HashedRow | Fingerprint) -> Hashes[int]:
    """Return the three hashes of a picture. Raise `ValueError` if one is missing or malformed."""
    if source.perceptual_hash is None or source.vertical_hash is None or source.detail_hash is None:
        raise ValueError("There is no hash to search by")
    return parse_hashes(source.perceptual_hash, source.vertical_hash, source.detail_hash)


def quality_of(source: HashedRow | Fingerprint) -> int | None:
    return source.quality if isinstance(source, Fingerprint) else source.hash_quality


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
