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
from django.utils.translation import ngettext

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
    # Images that have duplicates.
    keepers: int
    duplicates: int
    # Whether all pairs have the same verdict.
    is_uniform: bool

    @property
    def text(self) -> str:
        """What was decided."""
        if self.pairs == 1:
            return describe_pair(self.last)
        return self.choose_text(
            marked=_("%(duplicates)s duplicates of %(keeper)s"),
            marked_in_groups=_("%(duplicates)s duplicates in %(keepers)s groups"),
            different=_("%(pairs)s images are not the same as their keeper"),
            related=_("%(images)s images belong together"),
            mixed=ngettext(
                "%(kept)s images kept together, and %(duplicates)s duplicate",
                "%(kept)s images kept together, and %(duplicates)s duplicates",
                self.duplicates,
            ),
        )

    @property
    def undone_text(self) -> str:
        """What is true after the decisions are taken back."""
        if self.pairs == 1:
            return self.undone_pair_text
        return self.choose_text(
            marked=_("%(duplicates)s images are no longer marked as duplicates of %(keeper)s."),
            marked_in_groups=_("%(duplicates)s images in %(keepers)s groups are no longer marked as duplicates."),
            different=_("It is open again whether %(pairs)s images are the same as their keeper."),
            related=_("%(images)s images no longer belong together."),
            mixed=_("%(kept)s images are no longer kept together, nor %(duplicates)s marked as duplicates."),
        )

    @property
    def undone_pair_text(self) -> str:
        match self.last.verdict:
            case PairDecision.Verdict.SAME:
                text = _("%(name)s is no longer marked as a duplicate of %(keeper)s.")
            case PairDecision.Verdict.RELATED:
                text = _("%(name)s and %(keeper)s no longer belong together.")
            case _different:
                text = _("It is open again whether %(name)s and %(keeper)s are the same.")
        return text % self.names

    def choose_text(self, *, marked: str, marked_in_groups: str, different: str, related: str, mixed: str) -> str:
        """Return the text that says what the pairs have in common, with the names and the numbers."""
        if not self.is_uniform:
            text = mixed
        elif self.duplicates:
            text = marked if self.keepers == 1 else marked_in_groups
        else:
            text = related if self.last.verdict == PairDecision.Verdict.RELATED else different
        return text % self.names

    @property
    def names(self) -> dict[str, str]:
        lower, higher = self.last.lower, self.last.higher
        name, keeper = (higher, lower) if self.last.duplicate_id == higher.pk else (lower, higher)
        numbers = {field: getattr(self, field) for field in ("pairs", "images", "keepers", "duplicates")}
        numbers["kept"] = self.images - self.duplicates
        counts = {field: self.counted(number) for field, number in numbers.items()}
        return dict(zip(("name", "keeper"), short_names(name, keeper), strict=True)) | counts

    def counted(self, number: int) -> str:
        return f"{min(number, MAX_COUNTED)}+" if self.pairs > MAX_COUNTED else str(number)


def summarize(decision: PairDecision) -> BatchSummary:
    """Return a summary of the decisions that were made together with this one."""
    together = PairDecision.objects.using(decision._state.db).filter(batch=decision.batch).with_images()
    rows = list(together.order_by("-pk").values_list("lower", "higher", "duplicate", "verdict")[: MAX_COUNTED + 1])
    keepers = {lower + higher - duplicate for lower, higher, duplicate, _verdict in rows if duplicate}
    duplicates = {duplicate for _lower, _higher, duplicate, _verdict in rows if duplicate}
    images = {key for row in rows for key in row[:2]}
    is_uniform = len({verdict for *_pair, verdict in rows}) == 1
    return BatchSummary(decision, len(rows), len(images), len(keepers), len(duplicates), is_uniform)


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
    """Return the names without their folders, or with them if those of two images would be equal."""
    names = base_name(one), base_name(other)
    return names if names[0] != names[1] or one.pk == other.pk else (isolated(one), isolated(other))


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
