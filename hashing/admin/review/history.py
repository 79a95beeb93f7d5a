"""The history of decisions, as the admin keeps it for each image, and as a person can undo it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from hashing.admin.visibility import ImageAccess
from hashing.models import ImageAsset, PairDecision
from hashing.text import isolated

# A decision may have marked a hundred thousand images.
MAX_COUNTED = 1000


class LastDecision(NamedTuple):
    """The key that the last decisions of a person have in common, and their description."""

    batch: UUID
    text: str


def find_last_decision(access: ImageAccess) -> LastDecision | None:
    """Return what the user can undo, if anything: of two images that are visible still."""
    own = PairDecision.objects.filter(decided_by=access.request.user.pk).select_related("lower", "higher")
    own = access.limit(own, "lower", "higher")
    # Keys order decisions that were made at the same time, or by machines whose clocks differ.
    last = own.order_by("-pk").first()
    return LastDecision(last.batch, describe(last)) if last else None


def describe(decision: PairDecision) -> str:
    """Describe a decision together with the others of its click."""
    if decision.duplicate_id is None:
        return describe_pair(decision)
    count = PairDecision.objects.filter(batch=decision.batch)[: MAX_COUNTED + 1].count()
    if count == 1:
        return describe_pair(decision)
    keeper = decision.higher if decision.duplicate_id == decision.lower_id else decision.lower
    counted = f"{MAX_COUNTED}+" if count > MAX_COUNTED else str(count)
    return _("%(count)s duplicates of %(keeper)s") % {"count": counted, "keeper": base_name(keeper)}


def describe_pair(decision: PairDecision) -> str:
    lower, higher = decision.lower, decision.higher
    if decision.duplicate_id is None:
        names = {"one": base_name(lower), "other": base_name(higher)}
        return _("%(one)s and %(other)s are not the same") % names
    duplicate, keeper = (lower, higher) if decision.duplicate_id == lower.pk else (higher, lower)
    names = {"name": base_name(duplicate), "keeper": base_name(keeper)}
    return _("%(name)s is a duplicate of %(keeper)s") % names


def base_name(asset: ImageAsset) -> str:
    return isolated(PurePosixPath(asset.image.name or "").name or asset)


def log_decision(user_pk: Any, assets: Iterable[ImageAsset], message: str) -> None:
    """Write the same message into the history of each image."""
    content_type = ContentType.objects.get_for_model(ImageAsset, for_concrete_model=False)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_pk,
            content_type=content_type,
            object_id=str(asset.pk),
            object_repr=str(asset)[:200],
            action_flag=CHANGE,
            change_message=message,
        )
        for asset in assets
    )
