from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case, F, QuerySet, When
from django.db.models.expressions import OrderBy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hashing.models.image_asset import ImageAsset


class RankedRow(NamedTuple):
    """The columns of an asset by which it is ranked."""

    pk: Any
    width: int | None
    height: int | None
    file_size: int | None
    created_at: datetime
    hash_error: str


Rankable = ImageAsset | RankedRow


class Criterion(NamedTuple):
    """A reason to keep one image instead of another. The lower `value` is better; `order` is the same in SQL."""

    reason: Promise
    value: Callable[[Rankable], Any]
    order: tuple[OrderBy, ...]


# The most important first. Rules that a site chooses would take the place of this tuple.
CRITERIA = (
    Criterion(
        reason=_("most pixels"),
        value=lambda image: -(image.width or 0) * (image.height or 0),
        order=((F("width") * F("height")).desc(nulls_last=True),),
    ),
    Criterion(
        reason=_("most bytes"),
        value=lambda image: -(image.file_size or 0),
        order=(F("file_size").desc(nulls_last=True),),
    ),
    Criterion(
        reason=_("oldest"),
        # Of two rows created in the same moment, the one with the lower key is the older.
        value=lambda image: (image.created_at, image.pk),
        order=(F("created_at").asc(), F("pk").asc()),
    ),
)


# Has an error, is marked as a duplicate, and the values of CRITERIA. The image with the lower key is the better one to
# keep: this is the one definition of it.
RankingKey = tuple[Any, ...]


def ranking_key(image: Rankable, *, is_marked: bool = False) -> RankingKey:
    return (bool(image.hash_error), is_marked, *criteria_values(image))


def criteria_values(image: Rankable) -> tuple[Any, ...]:
    return tuple([criterion.value(image) for criterion in CRITERIA])


def best_first(images: Iterable[Rankable], marked: AbstractSet[Any]) -> list[Any]:
    """Return the keys of the images in the order of their ranking."""
    ranked = sorted(images, key=lambda image: ranking_key(image, is_marked=image.pk in marked))
    return [image.pk for image in ranked]


def order_by_ranking(rows: QuerySet[ImageAsset]) -> QuerySet[ImageAsset]:
    """Sort rows as `best_first` does, in SQL. None of them may be marked as a duplicate."""
    has_error = Case(When(hash_error="", then=0), default=1)
    return rows.order_by(has_error, *(order for criterion in CRITERIA for order in criterion.order))


def keeper_reason(keeper: Rankable, others: Iterable[Rankable]) -> str:
    """Return the criterion by which the keeper is better than all others; empty if one of them is better."""
    mine = criteria_values(keeper)
    best = min(map(criteria_values, others), default=mine)
    if best <= mine:
        return ""
    decisive = (each for each, own, other in zip(CRITERIA, mine, best, strict=True) if own != other)
    return str(next(decisive).reason)
