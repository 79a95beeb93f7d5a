from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, Self

from django.utils.translation import gettext as _

from hashing.models import ImageAsset

FACTS_FIELDS = ("width", "height", "file_size", "created_at", "hash_error")


class Facts(NamedTuple):
    """Of one row. `age` is something that is smaller the older the row is."""

    pixels: int
    file_size: int
    age: Any
    is_sound: bool = True

    @classmethod
    def of_row(cls, width: int | None, height: int | None, file_size: int | None, age: Any, error: str) -> Self:
        """From the values of FACTS_FIELDS."""
        return cls((width or 0) * (height or 0), file_size or 0, age, not error)


def best_first(facts: Mapping[Any, Facts], marked: AbstractSet[Any]) -> Sequence[Any]:
    """The keys, those to keep before others. Pictures that are marked as duplicates come last."""

    def rank(key: Any) -> tuple[Any, ...]:
        pixels, file_size, age, is_sound = facts[key]
        return not is_sound, key in marked, -pixels, -file_size, age, key

    return sorted(facts, key=rank)


def keeper_reason(keeper: ImageAsset, others: Iterable[ImageAsset]) -> str:
    """The first thing in which it goes before all others: pixels, bytes, age. Empty where another goes before it."""
    mine, rivals = _merits(keeper), [_merits(other) for other in others]
    for merit, reason in enumerate((_("most pixels"), _("most bytes"), _("oldest"))):
        best = max((rival[merit] for rival in rivals), default=mine[merit])
        if mine[merit] != best:
            return reason if mine[merit] > best else ""
        rivals = [rival for rival in rivals if rival[merit] == best]
    return ""


def _merits(asset: ImageAsset) -> tuple[Any, ...]:
    """More is better. Of two rows made in the same moment, the one with the lower key is the older."""
    pixels = (asset.width or 0) * (asset.height or 0)
    return pixels, asset.file_size or 0, (-asset.created_at.timestamp(), -asset.pk)
