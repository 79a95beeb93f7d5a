"""Matches page by page, never counted: where every row has to be compared, counting costs as much as searching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from hashing.models import ImageAsset
from hashing.querysets import ImageAssetQuerySet

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
    return min(int(text), MOST_PAGES) if text.isdecimal() and len(text) < 4 and int(text) else 1
