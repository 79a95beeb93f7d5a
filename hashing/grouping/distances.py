from __future__ import annotations

from hashing.conf import hashing_settings
from hashing.fingerprint.fingerprint import Hashes
from hashing.fingerprint.orientations import Orientation, orient
from hashing.fingerprint.similarity import (
    LARGEST_DISTANCE,
    Framing,
    Match,
    Part,
    compared_parts,
    distance_of_parts,
    is_match,
)
from hashing.grouping.candidates import HashedPart, StoredFingerprint


class KeeperDistances:
    """Distances of images to one keeper, as they are or, with `any_orientation`, turned and mirrored to fit best."""

    def __init__(self, keeper: StoredFingerprint, max_distance: int, *, any_orientation: bool) -> None:
        self._keeper = keeper
        self._max_distance = max_distance
        self._min_quality = hashing_settings().MIN_QUALITY
        orientations = Orientation if any_orientation else (Orientation.UPRIGHT,)
        self._copies = {
            name: [(each, orient(part.hashes, each), part.quality) for each in orientations]
            for name, part in keeper.parts.items()
        }

    def measure(self, other: StoredFingerprint) -> Match:
        """Return the best match.

        Equal files have the distance 0. Images without all three hashes, and those with hashes of another version,
        have the largest distance.
        """
        digest = self._keeper.file_digest
        if digest is not None and digest == other.file_digest:
            return Match(0)
        if self._keeper.version != other.version:
            return Match(LARGEST_DISTANCE)
        parts = other.parts
        matching, found = list[Match](), list[Match]()
        for keeper_name, name in compared_parts(is_framed=self._keeper.is_framed, other_is_framed=other.is_framed):
            if name in parts:
                for match, matches in self._compare(keeper_name, name, parts[name]):
                    (matching if matches else found).append(match)
        return min(matching or found, default=Match(LARGEST_DISTANCE))

    def _compare(self, keeper_name: Part, name: Part, part: HashedPart) -> list[tuple[Match, bool]]:
        """Compare one part of an image with one of the keeper, in each orientation. Return as well which match."""
        compared = []
        for orientation, copy, keeper_quality in self._copies.get(keeper_name, ()):
            small, detail = hash_distances(copy, part.hashes)
            quality = min(keeper_quality, part.quality)
            max_distance = distance_of_parts(self._max_distance, keeper_name, name)
            matches = quality >= self._min_quality and is_match(small, detail, quality, max_distance)
            compared.append((Match(small + detail, Framing.of(keeper_name, name), orientation), matches))
        return compared


def hash_distances(one: Hashes[int], other: Hashes[int]) -> tuple[int, int]:
    """Return the number of differing bits of the two small hashes together, and of the detail hash."""
    perceptual, vertical, detail = ((mine ^ theirs).bit_count() for mine, theirs in zip(one, other, strict=True))
    return perceptual + vertical, detail
