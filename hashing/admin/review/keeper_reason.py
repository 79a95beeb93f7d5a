"""Why a picture of a group is the one to keep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from hashing.models import ImageAsset


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
