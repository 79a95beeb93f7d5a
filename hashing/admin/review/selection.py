"""The images of a form about which a decision is possible, and why it is not about the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.admin.review.forms import Decision
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused, about_images, decided_since, describe
from hashing.models import DuplicateGroup, ImageAsset, PairDecision


class Reason(NamedTuple):
    """Why an image is left as it is: a sentence about the only image of a decision, a phrase about one of several."""

    sentence: str
    phrase: str


Left = dict[int, Reason]


def not_in_group() -> Reason:
    return Reason(_("This image is no longer in this group. Nothing was changed."), _("no longer in this group"))


def select_images(
    decision: Decision, group: DuplicateGroup | None, access: ImageAccess, using: str
) -> tuple[list[int], Left]:
    """Return the images that the decision is about, and the reasons why the others are left as they are.

    Raise `DecisionRefused` if no image remains, or if one is left out of a decision about the whole group.
    """
    left = find_left(decision, decision.assets, group, access, using)
    chosen = [key for key in decision.assets if key not in left]
    if decision.is_selection and not decision.verdict.is_about_group:
        chosen = [key for key in chosen if key != decision.keeper_pk]
    if left and (decision.verdict.is_about_group or len(decision.assets) == 1):
        raise DecisionRefused(next(iter(left.values())).sentence)
    if not chosen:
        texts = describe_left(left.values()) or [_("This image is the keeper of its group.")]
        raise DecisionRefused(" ".join([*texts, _("Nothing was changed.")]))
    return chosen, left


def find_left(
    decision: Decision, keys: Iterable[int], group: DuplicateGroup | None, access: ImageAccess, using: str
) -> Left:
    """Return those of the images that the decision cannot be about, each with the reason."""
    visible = access.visible_keys(keys)
    left = dict.fromkeys(keys, not_in_group())
    members = {} if group is None else dict(group.members.filter(asset__in=visible).values_list("asset", "is_same"))
    newer = find_newer(decision, visible, access, using)
    forbidden = find_forbidden(visible, access, using) if decision.is_selection else set()
    for key in visible:
        if key in newer:
            left[key] = newer[key]
        elif key not in members:
            continue
        elif key in forbidden:
            left[key] = Reason(_("You may not change this image. Nothing was changed."), _("no permission to change"))
        elif reason := find_settled(decision, key, is_same=members[key]):
            left[key] = reason
        else:
            del left[key]
    return left


def find_settled(decision: Decision, key: int, *, is_same: bool) -> Reason | None:
    """Return why a selected image of the group needs no such decision, if it does not."""
    if not decision.is_selection or decision.verdict.is_about_group:
        return None
    if key == decision.keeper_pk:
        text = _("This image is the keeper of its group. Nothing was changed.")
        return None if decision.verdict.name != "different" else Reason(text, _("the keeper of the group"))
    text = _("This image is decided already. Nothing was changed.")
    return Reason(text, _("already decided")) if is_same else None


def find_newer(decision: Decision, keys: Collection[int], access: ImageAccess, using: str) -> Left:
    """Return the images about which somebody has decided since the page was shown."""
    about = about_images({decision.keeper_pk, *keys})
    newer = decided_since(decision.shown.newest_decision, about, using).exclude(batch=decision.batch)
    last: dict[int, PairDecision] = {}
    for made in newer:
        about_all = made.duplicate_id == decision.keeper_pk
        concerned = keys if about_all else {made.lower_id, made.higher_id}.intersection(keys)
        # The last decision comes first.
        last = dict.fromkeys(concerned, made) | last
    pairs = {key for made in last.values() for key in (made.lower_id, made.higher_id)}
    visible = access.visible_keys(pairs)
    return {key: newer_reason(made, visible, access) for key, made in last.items()}


def newer_reason(decision: PairDecision, visible: Collection[int], access: ImageAccess) -> Reason:
    """Return why a decision comes first that was made since. `visible` are the keys of images that the user may see."""
    values = describe(decision, access.request.user.pk)
    # Who decides about hidden images is not shown either.
    if decision.lower_id not in visible or decision.higher_id not in visible:
        values["who"] = _("Somebody")
    return Reason(
        _("%(who)s decided about this on %(when)s, after this page was loaded. Nothing was changed.") % values,
        _("decided on %(when)s, after this page was loaded (%(who)s)") % values,
    )


def find_forbidden(keys: Collection[int], access: ImageAccess, using: str) -> set[int]:
    """Return the images that the rule of the site does not let the user change."""
    if not access.asks_objects("change"):
        return set()
    assets = ImageAsset.objects.using(using).filter(pk__in=keys)
    return {asset.pk for asset in assets if not access.allows("change", asset)}


def describe_left(reasons: Iterable[Reason]) -> list[str]:
    """Return a sentence for each of the reasons, with the number of images."""
    sentences = []
    for phrase, count in Counter(reason.phrase for reason in reasons).items():
        values: dict[str, Any] = {"count": count, "reason": phrase}
        text = ngettext(
            "%(count)d image was left as it was: %(reason)s.",
            "%(count)d images were left as they were: %(reason)s.",
            count,
        )
        sentences.append(text % values)
    return sentences
