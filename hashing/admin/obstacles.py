"""Why a picture cannot be searched by."""

from __future__ import annotations

from enum import StrEnum

from hashing.conf import hashing_settings
from hashing.models import ImageAsset
from hashing.perceptual_hash import HASH_VERSION, Fingerprint
from hashing.search.wanted import hashes_of


class Obstacle(StrEnum):
    """The page has words for each."""

    FAILED = "failed"
    WAITING = "waiting"
    STALE = "stale"
    LOW_QUALITY = "low quality"
    ONE_HASH = "one hash"
    BAD_HASH = "bad hash"


def find_obstacle(
    source: ImageAsset | Fingerprint | str, quality: int | None, *, any_orientation: bool, include_low_quality: bool
) -> Obstacle | None:
    """None when `similar_to()` can be asked with these; `quality` is None when it is not known."""
    if isinstance(source, ImageAsset) and (missing := _missing_hash(source)):
        return missing
    if quality is not None and quality < hashing_settings().MIN_QUALITY and not include_low_quality:
        return Obstacle.LOW_QUALITY
    try:
        vertical = hashes_of(source)[1]
    except ValueError:
        return Obstacle.BAD_HASH
    return Obstacle.ONE_HASH if any_orientation and vertical is None else None


def _missing_hash(asset: ImageAsset) -> Obstacle | None:
    if asset.perceptual_hash is None:
        return Obstacle.FAILED if asset.hash_error else Obstacle.WAITING
    return None if asset.hash_version in (HASH_VERSION, None) else Obstacle.STALE
