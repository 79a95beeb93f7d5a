from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashing.admin.review.history import short_names
from hashing.grouping import decisions
from hashing.models import ImageAsset, PairDecision
from hashing.text import isolated


@dataclass(frozen=True)
class DecidedImages:
    """What the message about a decision names: the first of `count` images, and the keeper of their group.

    `others` is the number of images that were marked as duplicates of the first one. `is_brief`: without the folders,
    for a page that shows the images.
    """

    asset: ImageAsset
    keeper: ImageAsset
    count: int = 1
    others: int = 0
    is_brief: bool = False

    @property
    def names(self) -> dict[str, Any]:
        images = self.asset, self.keeper
        name, keeper = short_names(*images) if self.is_brief else map(isolated, images)
        return {"name": name, "keeper": keeper, "count": self.count}


@dataclass(frozen=True)
class Verdict:
    """A button, and what it decides about images and the keeper of their group.

    Each card has one with the `label`; that of a group, about the images that are selected, has the `selected_label`.
    A new verdict also needs a value of `PairDecision.Verdict`, a function in `hashing.grouping.decisions`, and its
    meaning for groups in `hashing.grouping.pair_constraints`.
    """

    name: str
    label: Any
    # What a narrow button shows, which is read aloud as `label`.
    short_label: Any
    sign: str
    selected_label: Any
    help_text: Any
    # The key that presses the button.
    key: str
    decide: Callable[..., UUID]
    message: Callable[[DecidedImages], str]
    # The verdict on the pair of an image and the keeper.
    pair_verdict: PairDecision.Verdict
    # Which of the two is kept and must have its file.
    keeps: Literal["image", "keeper", ""] = ""
    is_about_group: bool = False

    def decisions_on(self, assets: Collection[int], keeper_pk: int) -> Q:
        """Match the decisions that this verdict makes."""
        lower, higher = Q(lower__in=assets), Q(higher__in=assets)
        if self.is_about_group:
            marks = (lower | higher) & ~Q(duplicate__in=assets) & Q(verdict=self.pair_verdict)
            # Several images that are kept also belong together.
            together = lower & higher & Q(verdict=PairDecision.Verdict.RELATED)
            return marks | together if len(assets) > 1 else marks
        pairs = lower & Q(higher=keeper_pk) | higher & Q(lower=keeper_pk)
        duplicate = Q(duplicate__in=assets) if self.keeps else Q()
        return pairs & duplicate & Q(verdict=self.pair_verdict)


def same_message(decided: DecidedImages) -> str:
    if decided.count == 1:
        return _("%(name)s is marked as a duplicate of %(keeper)s.") % decided.names
    text = ngettext(
        "%(count)d image is marked as a duplicate of %(keeper)s.",
        "%(count)d images are marked as duplicates of %(keeper)s.",
        decided.count,
    )
    return text % decided.names


def different_message(decided: DecidedImages) -> str:
    if decided.count == 1:
        text = _("%(name)s and %(keeper)s are not the same, and will not be shown together again.")
        return text % decided.names
    text = ngettext(
        "%(count)d image is not the same as %(keeper)s, and will not be shown with it again.",
        "%(count)d images are not the same as %(keeper)s, and will not be shown with it again.",
        decided.count,
    )
    return text % decided.names


def related_message(decided: DecidedImages) -> str:
    if decided.count == 1:
        text = _("%(name)s and %(keeper)s belong together: both stay, and you will not be asked about them again.")
        return text % decided.names
    text = ngettext(
        "%(count)d image and %(keeper)s belong together: all stay, and you will not be asked about them again.",
        "%(count)d images and %(keeper)s belong together: all stay, and you will not be asked about them again.",
        decided.count,
    )
    return text % decided.names


def keep_message(decided: DecidedImages) -> str:
    if decided.count == 1:
        text = ngettext(
            "%(name)s is kept, and %(others)d image is marked as its duplicate.",
            "%(name)s is kept, and %(others)d images are marked as its duplicates.",
            decided.others,
        )
    elif not decided.others:
        text = ngettext(
            "%(count)d image is kept, and belongs to the others.",
            "%(count)d images are kept, and belong together.",
            decided.count,
        )
    else:
        text = ngettext(
            "%(count)d images are kept and belong together. %(others)d image is marked as a duplicate of %(name)s.",
            "%(count)d images are kept and belong together. %(others)d images are marked as duplicates of %(name)s.",
            decided.others,
        )
    return text % {**decided.names, "others": decided.others}


VERDICTS = (
    Verdict(
        name="same",
        label=gettext_lazy("Same"),
        short_label=gettext_lazy("Same"),
        sign="=",
        selected_label=gettext_lazy("Same"),
        help_text=gettext_lazy("the same as the keeper"),
        key="s",
        decide=decisions.decide_same,
        message=same_message,
        pair_verdict=PairDecision.Verdict.SAME,
        keeps="keeper",
    ),
    Verdict(
        name="different",
        label=gettext_lazy("Not the same"),
        short_label=gettext_lazy("Not same"),
        sign="≠",
        selected_label=gettext_lazy("Split off"),
        help_text=gettext_lazy("not the same"),
        key="n",
        decide=decisions.decide_different,
        message=different_message,
        pair_verdict=PairDecision.Verdict.DIFFERENT,
    ),
    Verdict(
        name="related",
        label=gettext_lazy("Belong together"),
        short_label=gettext_lazy("Together"),
        sign="+",
        selected_label=gettext_lazy("Belong together"),
        help_text=gettext_lazy("belong together: both stay, and are not shown together again"),
        key="b",
        decide=decisions.decide_related,
        message=related_message,
        pair_verdict=PairDecision.Verdict.RELATED,
    ),
    Verdict(
        name="keep",
        label=gettext_lazy("Keep this one"),
        short_label=gettext_lazy("Keep"),
        sign="✓",
        selected_label=gettext_lazy("Keep these"),
        help_text=gettext_lazy("keep this one, mark the others"),
        key="Enter",
        decide=decisions.keep,
        message=keep_message,
        pair_verdict=PairDecision.Verdict.SAME,
        keeps="image",
        is_about_group=True,
    ),
)
