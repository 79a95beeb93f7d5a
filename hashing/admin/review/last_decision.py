"""What "Undo" would take back."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.translation import gettext as _

from hashing.models import ImageAsset, PairDecision
from hashing.text import isolated

MOST_COUNTED = 1000


class LastDecision(NamedTuple):
    """The key of what was decided together, and what it was, in words."""

    batch: UUID
    text: str


def last_decision(user_pk: Any) -> LastDecision | None:
    """What this person can take back, if there is anything."""
    mine = PairDecision.objects.filter(decided_by=user_pk).select_related("lower", "higher")
    # Not by the time, which may be equal, or that of another machine's clock.
    last = mine.order_by("-pk").first()
    return LastDecision(last.batch, _describe(last)) if last else None


def _describe(last: PairDecision) -> str:
    if last.duplicate_id is None:
        return _("%(one)s and %(other)s are not the same") % {"one": _name(last.lower), "other": _name(last.higher)}
    duplicate, keeper = (last.lower, last.higher) if last.duplicate_id == last.lower_id else (last.higher, last.lower)
    together = PairDecision.objects.filter(batch=last.batch)[: MOST_COUNTED + 1].count()
    if together == 1:
        return _("%(name)s is a duplicate of %(keeper)s") % {"name": _name(duplicate), "keeper": _name(keeper)}
    count = f"{MOST_COUNTED}+" if together > MOST_COUNTED else str(together)
    return _("%(count)s duplicates of %(keeper)s") % {"count": count, "keeper": _name(keeper)}


def _name(asset: ImageAsset) -> str:
    return isolated(PurePosixPath(asset.image.name or "").name or asset)
