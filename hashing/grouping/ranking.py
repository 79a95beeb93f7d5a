from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from django.db.models import Case, QuerySet, When

from hashing.grouping.candidates import CandidateRow, RankedRow
from hashing.grouping.criteria import Criterion, chosen_criteria
from hashing.grouping.resaves import mark_resaves_among
from hashing.models.image_asset import ImageAsset

Criteria = tuple[Criterion, ...]
# Has an error, is marked as a duplicate, and the values of the criteria. The image with the lower key is the better one
# to keep: this is the one definition of it.
RankingKey = tuple[Any, ...]


def ranking_key(image: RankedRow, criteria: Criteria, *, is_marked: bool = False) -> RankingKey:
    return (bool(image.hash_error), is_marked, *values_of(image, criteria))


def values_of(image: RankedRow, criteria: Criteria) -> tuple[Any, ...]:
    return tuple([criterion.value(image) for criterion in criteria])


def best_first(images: Iterable[RankedRow], marked: AbstractSet[Any]) -> list[Any]:
    """Return the keys of the images in the order of their ranking."""
    criteria = chosen_criteria()
    ranked = sorted(images, key=lambda image: ranking_key(image, criteria, is_marked=image.pk in marked))
    return [image.pk for image in ranked]


def rank(assets: Iterable[ImageAsset], criteria: Criteria | None = None) -> list[RankedRow]:
    """Return the few images of a page, none of which is marked, in the order of their ranking.

    By default by the criteria of the site.
    """
    chosen = criteria or chosen_criteria()
    rows = mark_resaves_among([CandidateRow.of(asset) for asset in assets])
    return sorted((row.ranked for row in rows), key=lambda image: ranking_key(image, chosen))


def order_by_ranking(rows: QuerySet[ImageAsset]) -> QuerySet[ImageAsset]:
    """Sort rows as `best_first` does, in SQL, but for re-saves. None of the rows may be marked as a duplicate."""
    has_error = Case(When(hash_error="", then=0), default=1)
    return rows.order_by(has_error, *(order for criterion in chosen_criteria() for order in criterion.order))


class KeeperReason(NamedTuple):
    """Why the keeper is better than all others, empty if one of them is better; and whether it clearly is."""

    text: str
    is_clear: bool


def explain_keeper(keeper: ImageAsset, others: Iterable[ImageAsset]) -> KeeperReason:
    """Compare by the criteria of the site. Which one of several files with the same bytes is kept does not matter."""
    criteria, copies = chosen_criteria(), list(others)
    different = [other for other in copies if keeper.file_digest is None or other.file_digest != keeper.file_digest]
    rows = mark_resaves_among([CandidateRow.of(asset) for asset in [keeper, *(different or copies)]])
    mine, *theirs = [row.ranked for row in rows]
    best = min(theirs, key=lambda image: values_of(image, criteria), default=mine)
    decisive = decisive_criterion(mine, best, criteria)
    if decisive is None:
        return KeeperReason("", is_clear=True)
    return KeeperReason(str(decisive.reason), is_clear=not different or not decisive.is_close(mine, best))


def decisive_criterion(better: RankedRow, worse: RankedRow, criteria: Criteria) -> Criterion | None:
    """Return the first criterion in which two images differ, None if the second one is better or the same image."""
    if values_of(worse, criteria) <= values_of(better, criteria):
        return None
    return next(each for each in criteria if each.value(better) != each.value(worse))


def is_better(asset: ImageAsset, keeper: ImageAsset) -> bool:
    """Whether an image is a better one to keep. Neither may be marked as a duplicate."""
    return bool(rank([asset, keeper])[0].pk == asset.pk)
