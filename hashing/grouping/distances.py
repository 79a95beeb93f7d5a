from __future__ import annotations

from typing import NamedTuple

from hashing.fingerprint.fingerprint import Hashes, parse_hashes
from hashing.fingerprint.orientations import Orientation, orient
from hashing.fingerprint.similarity import BEST_QUALITY, LARGEST_DISTANCE, is_match


class StoredFingerprint(NamedTuple):
    """The columns of an asset that its distance to another one is computed from."""

    perceptual_hash: str | None
    vertical_hash: str | None
    detail_hash: str | None
    hash_quality: int | None
    file_digest: str | None

    @property
    def hashes(self) -> Hashes[int] | None:
        """The three hashes, None where one of them is missing."""
        try:
            return parse_hashes(self.perceptual_hash or "", self.vertical_hash or "", self.detail_hash or "")
        except ValueError:
            return None


class KeeperDistances:
    """Distances of images to one keeper, as they are or, with `any_orientation`, turned and mirrored to fit best."""

    def __init__(self, keeper: StoredFingerprint, max_distance: int, *, any_orientation: bool) -> None:
        self._keeper = keeper
        self._max_distance = max_distance
        orientations = Orientation if any_orientation else (Orientation.UPRIGHT,)
        hashes = keeper.hashes
        self._copies = [(int(each), orient(hashes, each)) for each in orientations] if hashes else []

    def measure(self, other: StoredFingerprint) -> tuple[int, int]:
        """Return the distance and the orientation of the best match.

        Equal files have the distance 0, and images without all three hashes the largest distance.
        """
        digest = self._keeper.file_digest
        if digest is not None and digest == other.file_digest:
            return 0, int(Orientation.UPRIGHT)
        hashes = other.hashes
        if hashes is None or not self._copies:
            return LARGEST_DISTANCE, int(Orientation.UPRIGHT)
        qualities = (each.hash_quality for each in (self._keeper, other))
        quality = min(BEST_QUALITY if each is None else each for each in qualities)
        found = [(*hash_distances(copy, hashes), orientation) for orientation, copy in self._copies]
        matching = [each for each in found if is_match(*each[:2], quality, self._max_distance)]
        return min((small + detail, orientation) for small, detail, orientation in matching or found)


def hash_distances(one: Hashes[int], other: Hashes[int]) -> tuple[int, int]:
    """Return the number of differing bits of the two small hashes together, and of the detail hash."""
    perceptual, vertical, detail = ((mine ^ theirs).bit_count() for mine, theirs in zip(one, other, strict=True))
    return perceptual + vertical, detail
