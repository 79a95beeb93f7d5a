from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from django.contrib.admin import AdminSite

from hashing.admin.previews import LARGE, preview_html
from hashing.conf import hashing_settings
from hashing.fingerprint.orientations import Orientation
from hashing.models import ImageAsset
from hashing.models.match_labels import describe_match
from hashing.models.querysets import ImageAssetQuerySet
from hashing.search.query import is_searchable, whole_of
from hashing.search.similar import largest_quick_distance
from hashing.text import parse_integer

# In a large table, the largest distance is one whose search is expected to take no longer.
MAX_MILLISECONDS = 3000
PER_PAGE = 48
# The database sorts all matches up to the page that is shown.
MAX_PAGES = 50


class UnsearchableReason(StrEnum):
    """Why the hashes of an image are not compared. The template `unsearchable.html` has a text for each."""

    FAILED = "failed"
    WAITING = "waiting"
    LOW_QUALITY = "low quality"
    BAD_HASH = "bad hash"


def unsearchable_reason(asset: ImageAsset, *, include_low_quality: bool) -> UnsearchableReason | None:
    """Return why `similar_to()` finds only identical files; None if it compares hashes."""
    if asset.perceptual_hash is None:
        return UnsearchableReason.FAILED if asset.hash_error else UnsearchableReason.WAITING
    try:
        whole_of(asset)
        is_clear = is_searchable(asset, include_low_quality=include_low_quality)
    except ValueError:
        return UnsearchableReason.BAD_HASH
    return None if is_clear else UnsearchableReason.LOW_QUALITY


def find_in_any_orientation(rows: ImageAssetQuerySet[Any], asset: ImageAsset) -> ImageAssetQuerySet[Any]:
    """Return the rows that match, also turned and mirrored, at a distance that a page can wait for."""
    is_framed = asset.inside_quality is not None
    quick = largest_quick_distance(rows, MAX_MILLISECONDS, any_orientation=True, is_framed=is_framed)
    return rows.similar_to(asset, min(hashing_settings().MAX_DISTANCE, quick), any_orientation=True)


def orientation_of(match: Any) -> Orientation:
    return Orientation(getattr(match, "orientation", None) or Orientation.UPRIGHT)


def match_label(match: Any) -> str:
    """Return how a row of `similar_to()` is framed, turned and mirrored; empty if it is as the picture is."""
    return describe_match(match.framing, orientation_of(match))


@dataclass(frozen=True)
class Card:
    """An image as the template `card.html` shows it. `distance` and `label`, of `match_label`, are those of a match."""

    asset: ImageAsset
    preview: str
    distance: int | None = None
    label: str = ""

    @classmethod
    def of_match(cls, match: Any, site: AdminSite) -> Self:
        """Return the card of a row of `similar_to()`."""
        return cls(match, preview_html(match, LARGE, site), match.distance, match_label(match))


@dataclass(frozen=True)
class MatchPage:
    """The matches on the page `number`, which counts from 1. `has_more`: further rows match, on a page or not."""

    cards: list[Card]
    number: int
    has_more: bool

    @classmethod
    def of(cls, matches: ImageAssetQuerySet[Any], number: int, site: AdminSite) -> Self:
        start = (number - 1) * PER_PAGE
        rows = list(matches[start : start + PER_PAGE + 1])
        cards = [Card.of_match(row, site) for row in rows[:PER_PAGE]]
        return cls(cards, number, len(rows) > PER_PAGE)

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.cards) - 1

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.has_more and self.number < MAX_PAGES else None


def page_number(text: str) -> int:
    """Return the number of the page that an address asks for, or 1 if it asks for none."""
    return min(parse_integer(text) or 1, MAX_PAGES)
