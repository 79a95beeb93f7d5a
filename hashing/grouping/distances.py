"""How far the pictures of a group are from its keeper."""

from __future__ import annotations

from typing import NamedTuple

from hashing.orientations import Orientation, orient, orient_detail
from hashing.similarity import BEST_QUALITY, LARGEST_DISTANCE, is_match

Hashes = tuple[int, int, int]


class StoredFingerprint(NamedTuple):
    """As it is in the row."""

    perceptual_hash: str | None
    vertical_hash: str | None
    detail_hash: str | None
    hash_quality: int | None
    file_digest: str | None

    @property
    def hashes(self) -> Hashes | None:
        """Perceptual, vertical and detail hash; None where one of them is missing."""
        texts = self.perceptual_hash, self.vertical_hash, self.detail_hash
        try:
            perceptual, vertical, detail = (int(text or "", 16) for text in texts)
        except ValueError:
            return None
        return perceptual, vertical, detail


class KeeperDistances:
    """Distances of other pictures to one, as it lies or, in any orientation, as its copies may lie."""

    def __init__(self, keeper: StoredFingerprint, max_distance: int, *, any_orientation: bool) -> None:
        self._keeper = keeper
        self._max_distance = max_distance
        orientations = Orientation if any_orientation else (Orientation.UPRIGHT,)
        hashes = keeper.hashes
        self._copies = [(int(each), _oriented(hashes, each)) for each in orientations] if hashes else []

    def measure(self, other: StoredFingerprint) -> tuple[int, int]:
        """Return the distance and the orientation of the best match.

        Equal files have the distance 0; pictures of which one has no hashes, the largest there is.
        """
        digest = self._keeper.file_digest
        if digest is not None and digest == other.file_digest:
            return 0, int(Orientation.UPRIGHT)
        hashes = other.hashes
        if hashes is None or not self._copies:
            return LARGEST_DISTANCE, int(Orientation.UPRIGHT)
        quality = _lower_quality(self._keeper, other)
        found = [(*_distances(copy, hashes), orientation) for orientation, copy in self._copies]
        fitting = [each for each in found if is_match(*each[:2], quality, self._max_distance)]
        return min((small + detail, orientation) for small, detail, orientation in fitting or found)


def _lower_quality(one: StoredFingerprint, other: StoredFingerprint) -> int:
    return min(BEST_QUALITY if each.hash_quality is None else each.hash_quality for each in (one, other))


def _oriented(hashes: Hashes, orientation: Orientation) -> Hashes:
    perceptual, vertical, detail = hashes
    return *orient(perceptual, vertical, orientation), orient_detail(detail, orientation)


def _distances(one: Hashes, other: Hashes) -> tuple[int, int]:
    """Bits in which the small hashes differ, and those of the large one."""
    perceptual, vertical, detail = ((mine ^ theirs).bit_count() for mine, theirs in zip(one, other, strict=True))
    return perceptual + vertical, detail
