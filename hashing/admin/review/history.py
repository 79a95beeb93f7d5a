"""The history of decisions, as the admin keeps it for each image, and as a person can undo it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
    return LastDecision(last.batch, summarize(last).text) if last else None


def describe_undone(batch: UUID, user_pk: Any, using: str) -> str:
    """Return what is true after these decisions of the user are taken back; empty if there are none."""
    own = PairDecision.objects.using(using).filter(batch=batch, decided_by=user_pk).select_related("lower", "higher")
    last = own.order_by("-pk").first()
    return summarize(last).undone_text if last else ""


@dataclass(frozen=True)
class BatchSummary:
    """The decisions of one click: the last one, and the numbers of all, up to MAX_COUNTED."""

    last: PairDecision
    pairs: int
    images: int
    # Whether all of them mark duplicates of one image.
    has_one_keeper: bool

    @property
    def text(self) -> str:
        if self.has_one_keeper and self.pairs > 1:
            return _("%(count)s duplicates of %(keeper)s") % self.names
        if self.pairs > 1:
            return _("decision on %(images)s images") % self.names
        return describe_pair(self.last)

    @property
    def undone_text(self) -> str:
        if self.has_one_keeper and self.pairs > 1:
            return _("%(count)s images are no longer marked as duplicates of %(keeper)s.") % self.names
        if self.pairs > 1:
            return _("The decision on %(images)s images was taken back.") % self.names
        match self.last.verdict:
            case PairDecision.Verdict.SAME:
                return _("%(name)s is no longer marked as a duplicate of %(keeper)s.") % self.names
            case PairDecision.Verdict.RELATED:
                return _("%(name)s and %(keeper)s no longer belong together.") % self.names
        return _("It is open again whether %(name)s and %(keeper)s are the same.") % self.names

    @property
    def names(self) -> dict[str, str]:
        lower, higher = self.last.lower, self.last.higher
        name, keeper = (higher, lower) if self.last.duplicate_id == higher.pk else (lower, higher)
        counts = {"count": counted(self.pairs), "images": counted(self.images)}
        return dict(zip(("name", "keeper"), short_names(name, keeper), strict=True)) | counts


def summarize(decision: PairDecision) -> BatchSummary:
    """Return a summary of the decisions that were made together with this one."""
    together = PairDecision.objects.using(decision._state.db).filter(batch=decision.batch).order_by("-pk")
    rows = list(together.values_list("lower", "higher", "duplicate")[: MAX_COUNTED + 1])
    keepers = {lower + higher - duplicate if duplicate else None for lower, higher, duplicate in rows}
    images = {key for lower, higher, _duplicate in rows for key in (lower, higher)}
    return BatchSummary(decision, len(rows), len(images), len(keepers) == 1 and None not in keepers)


def counted(number: int) -> str:
    return f"{MAX_COUNTED}+" if number > MAX_COUNTED else str(number)


def describe_pair(decision: PairDecision) -> str:
    lower, higher = decision.lower, decision.higher
    if decision.duplicate_id is None:
        one, other = short_names(lower, higher)
        names = {"one": one, "other": other}
        if decision.verdict == PairDecision.Verdict.RELATED:
            return _("%(one)s and %(other)s belong together") % names
        return _("%(one)s and %(other)s are not the same") % names
    duplicate, keeper = (lower, higher) if decision.duplicate_id == lower.pk else (higher, lower)
    name, keeper_name = short_names(duplicate, keeper)
    names = {"name": name, "keeper": keeper_name}
    return _("%(name)s is a duplicate of %(keeper)s") % names


def short_names(one: ImageAsset, other: ImageAsset) -> tuple[str, str]:
    """Return the names without their folders, or with them if they would be equal."""
    names = base_name(one), base_name(other)
    return names if names[0] != names[1] else (isolated(one), isolated(other))


def base_name(asset: ImageAsset) -> str:
    return isolated(PurePosixPath(asset.image.name or "").name or asset)


def log_decision(user_pk: Any, assets: Iterable[ImageAsset], message: str) -> None:
    """Write the same message into the history of each image."""
    log_messages(user_pk, ((asset, message) for asset in assets))


def log_messages(user_pk: Any, messages: Iterable[tuple[ImageAsset, str]]) -> None:
    """Write into the history of each image its message."""
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
        for asset, message in messages
    )
