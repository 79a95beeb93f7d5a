from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashing.admin.visibility import ImageAccess
from hashing.grouping import decisions
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from hashing.text import isolated


class GroupSnapshot(NamedTuple):
    """The state in which a page has shown a group."""

    size: int
    open_count: int
    # The highest key of any decision.
    newest_decision: int
    # The highest key of the members, if all of them were shown: a member that joins later has a higher one.
    last_member: int | None

    def is_current(self, group: DuplicateGroup, access: ImageAccess) -> bool:
        """Return whether the group, with the counts of its visible images, is still as it was shown."""
        joined = access.limit(group.members.filter(pk__gt=self.last_member), "asset") if self.last_member else None
        has_joined = joined is not None and joined.exists()
        return (group.size, group.open_count) == (self.size, self.open_count) and not has_joined


@dataclass(frozen=True)
class Verdict:
    """A button on the card of an image, and what it decides about the image and the keeper of its group.

    A new verdict also needs a value of `PairDecision.Verdict`, a function in `hashing.grouping.decisions`, and its
    meaning for groups in `hashing.grouping.pair_constraints`.
    """

    name: str
    label: Any
    # What a narrow button shows, which is read aloud as `label`.
    short_label: Any
    sign: str
    help_text: Any
    # The key that presses the button.
    key: str
    decide: Callable[..., UUID]
    # The message about a decision on an image and a keeper, and on how many others of the group.
    message: Callable[[ImageAsset, ImageAsset, int], str]
    # Which of the two is kept and must have its file.
    keeps: Literal["image", "keeper", ""] = ""
    is_about_group: bool = False

    def kept_pk(self, asset_pk: int, keeper_pk: int) -> int | None:
        return {"image": asset_pk, "keeper": keeper_pk}.get(self.keeps)

    def decisions_on(self, asset_pk: int, keeper_pk: int) -> Q:
        """Match the decisions that this verdict makes."""
        if self.is_about_group:
            pairs = Q(lower=asset_pk) | Q(higher=asset_pk)
            return pairs & ~Q(duplicate=asset_pk) & Q(verdict=PairDecision.Verdict.SAME)
        lower, higher = sorted((asset_pk, keeper_pk))
        duplicate = Q(duplicate=asset_pk) if self.keeps else Q(duplicate__isnull=True)
        return Q(lower=lower, higher=higher) & duplicate


def same_message(asset: ImageAsset, keeper: ImageAsset, _others: int = 1) -> str:
    return _("%(name)s is marked as a duplicate of %(keeper)s.") % {"name": isolated(asset), "keeper": isolated(keeper)}


def different_message(asset: ImageAsset, keeper: ImageAsset, _others: int = 1) -> str:
    text = _("%(name)s and %(keeper)s are not the same, and will not be shown together again.")
    return text % {"name": isolated(asset), "keeper": isolated(keeper)}


def keep_message(asset: ImageAsset, _keeper: ImageAsset, others: int) -> str:
    text = ngettext(
        "%(name)s is kept, and %(count)d image is marked as its duplicate.",
        "%(name)s is kept, and %(count)d images are marked as its duplicates.",
        others,
    )
    return text % {"name": isolated(asset), "count": others}


VERDICTS = (
    Verdict(
        name="same",
        label=gettext_lazy("Same"),
        short_label=gettext_lazy("Same"),
        sign="=",
        help_text=gettext_lazy("the same as the keeper"),
        key="s",
        decide=decisions.decide_same,
        message=same_message,
        keeps="keeper",
    ),
    Verdict(
        name="different",
        label=gettext_lazy("Not the same"),
        short_label=gettext_lazy("Not same"),
        sign="≠",
        help_text=gettext_lazy("not the same"),
        key="n",
        decide=decisions.decide_different,
        message=different_message,
    ),
    Verdict(
        name="keep",
        label=gettext_lazy("Keep this one"),
        short_label=gettext_lazy("Keep"),
        sign="✓",
        help_text=gettext_lazy("keep this one, mark the others"),
        key="Enter",
        decide=decisions.keep,
        message=keep_message,
        keeps="image",
        is_about_group=True,
    ),
)
