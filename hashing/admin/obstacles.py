"""Why a picture cannot be searched by."""

from __future__ import annotations

from enum import StrEnum

from hashing.models import ImageAsset
from hashing.perceptual_hash import HASH_VERSION
from hashing.search.query import hashes_of, is_searchable


class Obstacle(StrEnum):
    """The page has words for each."""

    FAILED = "failed"
    WAITING = "waiting"
    STALE = "stale"
    LOW_QUALITY = "low quality"
    BAD_HASH = "bad hash"


def find_obstacle(asset: ImageAsset, *, include_low_quality: bool) -> Obstacle | None:
    """Return why nothing but equal files can be found; None where `similar_to()` compares hashes."""
    if missing := _missing_hash(asset):
        return missing
    try:
        hashes_of(asset)
    except ValueError:
        return Obstacle.BAD_HASH
    return None if is_searchable(asset, include_low_quality=include_low_quality) else Obstacle.LOW_QUALITY


def _missing_hash(asset: ImageAsset) -> Obstacle | None:
    if asset.perceptual_hash is None:
        return Obstacle.FAILED if asset.hash_error else Obstacle.WAITING
    return None if asset.hash_version in (HASH_VERSION, None) else Obstacle.STALE
