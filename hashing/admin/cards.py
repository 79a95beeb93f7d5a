"""A picture and what is known of it, as `admin/hashing/card.html` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hashing.models import ImageAsset
from hashing.orientations import Orientation


@dataclass(frozen=True)
class Card:
    """`preview` is HTML. The rest is about a match: the distance, and how the picture lies when not upright."""

    asset: ImageAsset
    preview: str
    distance: int | None = None
    orientation: str = ""

    @classmethod
    def of_match(cls, row: Any, preview: str) -> Card:
        """`row` as `similar_to()` annotates it."""
        orientation = getattr(row, "orientation", None) or Orientation.UPRIGHT
        label = "" if orientation == Orientation.UPRIGHT else str(Orientation(orientation).label)
        return cls(row, preview, row.distance, label)
