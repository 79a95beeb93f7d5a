from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.search.query import hashes_of, is_searchable
from hashing.text import parse_integer


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


PER_PAGE = 48
# Nobody leafs further, and the last of a million matches would take all of them in order.
MOST_PAGES = 50


@dataclass(frozen=True)
class PageOfMatches:
    """`rows` of the page `number`, which counts from 1. `has_more`: further rows match, shown or not."""

    rows: list[ImageAsset]
    number: int
    has_more: bool

    @classmethod
    def of(cls, found: ImageAssetQuerySet[Any], number: int) -> Self:
        """One query. `number` is 1 to `MOST_PAGES`."""
        start = (number - 1) * PER_PAGE
        rows = list(found[start : start + PER_PAGE + 1])
        return cls(rows[:PER_PAGE], number, len(rows) > PER_PAGE)

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.has_more and self.number < MOST_PAGES else None


def page_number(text: str) -> int:
    """1 for what is no page."""
    return min(parse_integer(text, 999) or 1, MOST_PAGES)
