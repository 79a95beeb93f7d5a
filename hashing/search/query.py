"""What is asked: the hashes of one picture in one or all orientations, and the limits of a match."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

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

if TYPE_CHECKING:
    from hashing.models import ImageAsset


@dataclass(frozen=True)
class HashQuery:
    """The three hashes of one picture, whole numbers, and what may match it.

    `max_distance` is 0 to 384. `min_quality`: rows below it are left out. `file_digest`: rows with the same one match
    whatever their hashes say.
    """

    perceptual: int
    vertical: int
    detail: int
    quality: int | None
    max_distance: int
    min_quality: int
    orientations: tuple[Orientation, ...]
    file_digest: str | None = None

    @classmethod
    def of(
        cls,
        source: ImageAsset | Fingerprint,
        max_distance: int,
        *,
        any_orientation: bool,
        include_low_quality: bool,
    ) -> Self:
        """Raises `ValueError` for a picture without all three hashes."""
        return cls(
            *hashes_of(source),
            quality=quality_of(source),
            max_distance=max_distance,
            min_quality=0 if include_low_quality else hashing_settings().MIN_QUALITY,
            orientations=tuple(Orientation) if any_orientation else (Orientation.UPRIGHT,),
            file_digest=getattr(source, "file_digest", None),
        )

    @property
    def small_limit(self) -> int:
        """The bits in which the two small hashes may differ. No row's quality makes the limit larger."""
        return min(small_limit(self.max_distance), distance_limit(self.max_distance, self.quality))

    @cached_property
    def copies(self) -> tuple[str, ...]:
        """All three hashes in a row, hexadecimal, for each orientation."""
        return tuple(self._oriented(orientation) for orientation in self.orientations)

    def _oriented(self, orientation: Orientation) -> str:
        copy = orient(Hashes(self.perceptual, self.vertical, self.detail), orientation)
        return format_hash(copy.perceptual) + format_hash(copy.vertical) + format_hash(copy.detail, DETAIL_BITS)


def check_distance(max_distance: int | None) -> int:
    """Return the distance, or the setting for None. Raises `ValueError` outside 0 to 384."""
    distance = hashing_settings().MAX_DISTANCE if max_distance is None else max_distance
    if not 0 <= distance <= LARGEST_DISTANCE:
        raise ValueError(f"max_distance must be between 0 and {LARGEST_DISTANCE}, not {distance}")
    return distance


def check_hash_distance(max_distance: int | None) -> int:
    """Return the distance for one hash by itself, or its default for None. Raises `ValueError` outside 0 to 64."""
    distance = DEFAULT_HASH_DISTANCE if max_distance is None else max_distance
    if not 0 <= distance <= HASH_BITS:
        raise ValueError(f"max_distance of one hash must be between 0 and {HASH_BITS}, not {distance}")
    return distance


def hashes_of(source: ImageAsset | Fingerprint) -> Hashes[int]:
    """Return the three hashes of a picture. Raise `ValueError` if one of them is missing or malformed."""
    if source.perceptual_hash is None or source.vertical_hash is None or source.detail_hash is None:
        raise ValueError("There is no hash to search by")
    return parse_hashes(source.perceptual_hash, source.vertical_hash, source.detail_hash)


def quality_of(source: ImageAsset | Fingerprint) -> int | None:
    return source.quality if isinstance(source, Fingerprint) else source.hash_quality


def is_searchable(source: ImageAsset | Fingerprint, *, include_low_quality: bool) -> bool:
    """Return whether a picture has the hashes of this version, and they say enough to be searched by."""
    if not isinstance(source, Fingerprint):
        if None in (source.perceptual_hash, source.vertical_hash, source.detail_hash):
            return False
        if source.hash_version not in (HASH_VERSION, None):
            return False
    quality = quality_of(source)
    return include_low_quality or quality is None or quality >= hashing_settings().MIN_QUALITY
