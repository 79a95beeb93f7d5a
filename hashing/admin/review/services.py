from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from django.db import router
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from hashing.admin.review.forms import Decision
from hashing.admin.review.history import describe_undone, log_decision, log_messages
from hashing.admin.review.presentation import MAX_CARDS_ON_LIST
from hashing.admin.review.selection import Left, describe_left, find_left, newer_reason, not_in_group, select_images
from hashing.admin.review.verdicts import DecidedImages, same_message
from hashing.admin.review.visible_groups import as_visible
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused, decided_since
from hashing.grouping.decisions import undo
from hashing.grouping.deletion import file_problem, record_problem
from hashing.grouping.group_rows import with_groups_locked
from hashing.grouping.ranking import rank
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from hashing.stored_files.availability import StorageUnavailable
from hashing.text import isolated

# The time limit of a request that takes back a decision about thousands of images.
UNDO_SECONDS = 10.0


class DecisionResult(NamedTuple):
    """A message, and the keys of images whose groups may have changed: the first ones of a large group."""

    message: str
    keys: list[int]


def apply_decision(decision: Decision, rows: QuerySet[DuplicateGroup], access: ImageAccess) -> DecisionResult:
    """Decide about a group among `rows`. Raise `DecisionRefused`; nothing is changed then.

    No image that the user may not see or change is ever marked, unmarked or named.
    """
    using = router.db_for_write(PairDecision)
    if not decision.assets:
        raise DecisionRefused(_("No image is selected. Nothing was changed."))
    needed = {decision.keeper_pk, *decision.assets} if decision.verdict.is_about_group else {decision.keeper_pk}
    if len(access.visible_keys(needed)) < len(needed) or not access.visible_keys(decision.assets):
        raise DecisionRefused(not_in_group().sentence)
    # Before the groups are locked: a storage may take long.
    if decision.verdict.keeps == "keeper":
        refuse_missing_file(decision.keeper_pk, access, using)
    elif decision.verdict.keeps == "image":
        decision = replace(decision, assets=sort_by_ranking(decision.assets, using))
        refuse_missing_file(decision.assets[0], access, using)
    return with_groups_locked(using, apply_locked, decision, rows.using(using), access, using)


def sort_by_ranking(keys: tuple[int, ...], using: str) -> tuple[int, ...]:
    """Return the keys in the order of the ranking, those of deleted images last."""
    ranked = rank(ImageAsset.objects.using(using).filter(pk__in=keys))
    return tuple(dict.fromkeys([*(image.pk for image in ranked), *keys]))


def undo_decisions(batch: UUID, access: ImageAccess, seconds: float = UNDO_SECONDS) -> DecisionResult:
    """Take back what the user decided under this key, as much as these seconds allow.

    Raise `DecisionRefused`; nothing is changed then.
    """
    using, end = router.db_for_write(PairDecision), time.monotonic() + seconds
    own = PairDecision.objects.using(using).filter(batch=batch, decided_by=access.request.user.pk).with_images()
    total = own.count()
    result = with_groups_locked(using, undo_and_log, batch, access, using)
    # Somebody may decide about the others meanwhile: the next click says so.
    with suppress(DecisionRefused):
        while own.exists() and time.monotonic() < end:
            with_groups_locked(using, undo_part, batch, access, using)
    left = own.count()
    if left:
        text = _("%(done)d of %(total)d decisions were taken back. Undo again to take back the others.")
        return result._replace(message=text % {"done": total - left, "total": total})
    return result


def undo_and_log(batch: UUID, access: ImageAccess, using: str) -> DecisionResult:
    user_pk: Any = access.request.user.pk
    message = describe_undone(batch, user_pk, using)
    keys = undo_part(batch, access, using)
    log_decision(user_pk, ImageAsset.objects.using(using).filter(pk__in=keys[:MAX_CARDS_ON_LIST]), message)
    return DecisionResult(message, keys)


def undo_part(batch: UUID, access: ImageAccess, using: str) -> list[int]:
    user_pk: Any = access.request.user.pk
    refuse_forbidden(batch, access, using)
    return undo(batch, user_pk)


def refuse_forbidden(batch: UUID, access: ImageAccess, using: str) -> None:
    """Raise `DecisionRefused` if decisions that this batch has made or superseded are about images that the user may
    not see or change.
    """
    changed = PairDecision.objects.using(using).filter(Q(batch=batch) | Q(superseded_by=batch))
    if access.is_narrowed and changed.exclude(access.is_visible("lower", "higher")).exists():
        raise DecisionRefused(_("This also concerns images that you may not see. Nothing was changed."))
    if not access.asks_objects("change"):
        return
    # Not one query for both: an index answers each.
    sides = (changed.order_by().values(side) for side in ("lower", "higher"))
    for keys in sides:
        for asset in ImageAsset.objects.using(using).filter(pk__in=keys).iterator(chunk_size=500):
            if not access.allows("change", asset):
                text = _("You may not change %(name)s. Nothing was changed.")
                raise DecisionRefused(text % {"name": isolated(asset)})


def refuse_missing_file(asset_pk: int, access: ImageAccess, using: str) -> None:
    asset = ImageAsset.objects.using(using).filter(pk=asset_pk).first()
    if asset is None or not access.allows("change", asset):
        return
    try:
        problem = file_problem(asset)
    except StorageUnavailable as error:
        text = _("%(name)s cannot be kept, because its storage is unavailable: %(reason)s")
        raise DecisionRefused(text % {"name": isolated(asset), "reason": error}) from error
    record_problem(asset, problem, using)
    if problem:
        raise DecisionRefused(_("%(name)s cannot be kept: %(reason)s") % {"name": isolated(asset), "reason": problem})


def apply_locked(decision: Decision, rows: QuerySet[DuplicateGroup], access: ImageAccess, using: str) -> DecisionResult:
    user_pk: Any = access.request.user.pk
    group = rows.filter(keeper=decision.keeper_pk).first()
    if repeated := find_result(decision, group, access, using):
        return repeated
    chosen, left = select_images(decision, group, access, using)
    if group is None:
        raise DecisionRefused(not_in_group().sentence)
    as_visible(group)
    if decision.verdict.is_about_group:
        refuse_changed_group(decision, group, access, using)
    # Read before the decision, which may dissolve the group.
    assets = read_assets(group, {decision.keeper_pk, *chosen}, access)
    # Hidden images of the group stay as they are.
    among = {"among": access.images} if decision.verdict.is_about_group and access.is_narrowed else {}
    decision.verdict.decide(group, chosen, user_pk, decision.batch, **among)
    refuse_forbidden(decision.batch, access, using)
    decided = DecidedImages(assets[chosen[0]], assets[decision.keeper_pk], len(chosen), group.size - len(chosen))
    log(decision, chosen, decided, assets, user_pk)
    return DecisionResult(describe_result(decision, decided, left), list(assets))


def refuse_changed_group(decision: Decision, group: DuplicateGroup, access: ImageAccess, using: str) -> None:
    """Raise `DecisionRefused` if the group, or a decision about it, is not as the page has shown it."""
    about_group = Q(duplicate__membership__group=group.pk) & access.is_visible("duplicate")
    if newer := decided_since(decision.shown.newest_decision, about_group, using).first():
        visible = access.visible_keys((newer.lower_id, newer.higher_id))
        raise DecisionRefused(newer_reason(newer, visible, access).sentence)
    last_member = 0
    # None for a large group, of which not all members were shown.
    if decision.shown.last_member is not None:
        last_member = access.limit(group.members.all(), "asset").aggregate(last=Max("pk"))["last"] or 0
    if not decision.shown.is_current(group, last_member):
        raise DecisionRefused(_("The group has changed in the meantime. Please look at it again."))


def find_result(
    decision: Decision, group: DuplicateGroup | None, access: ImageAccess, using: str
) -> DecisionResult | None:
    """Return the result if the same form has decided already. Raise `DecisionRefused` if it decided otherwise."""
    made = PairDecision.objects.using(using).filter(batch=decision.batch)
    if not made.exists():
        return None
    own = made.filter(decided_by=access.request.user.pk)
    expected = own.filter(decision.verdict.decisions_on(decision.assets, decision.keeper_pk))
    if not expected.exists():
        raise DecisionRefused(_("This form was already used for another decision. Please look at the group again."))
    chosen = find_decided(decision, expected)
    assets = ImageAsset.objects.using(using).in_bulk([chosen[0], decision.keeper_pk])
    if len(assets) < len({chosen[0], decision.keeper_pk}):
        return None
    others = made.filter(verdict=PairDecision.Verdict.SAME).count()
    decided = DecidedImages(assets[chosen[0]], assets[decision.keeper_pk], len(chosen), others)
    left = find_left(decision, [key for key in decision.assets if key not in chosen], group, access, using)
    pairs = made.values_list("lower", "higher")[:MAX_CARDS_ON_LIST]
    keys = dict.fromkeys([decision.keeper_pk, *chosen, *(key for pair in pairs for key in pair)])
    return DecisionResult(describe_result(decision, decided, left), list(keys))


def find_decided(decision: Decision, made: QuerySet[PairDecision]) -> list[int]:
    """Return the images that the decision was about when it was `made`."""
    if decision.verdict.is_about_group:
        return list(decision.assets)
    keys = {key for pair in made.values_list("lower", "higher") for key in pair} - {decision.keeper_pk}
    return [key for key in decision.assets if key in keys]


def describe_result(decision: Decision, decided: DecidedImages, left: Left) -> str:
    return " ".join([decision.verdict.message(replace(decided, is_brief=True)), *describe_left(left.values())])


def read_assets(group: DuplicateGroup, keys: Collection[int], access: ImageAccess) -> dict[int, ImageAsset]:
    """Return by key some images of the group, and the first visible ones of it: it may be large."""
    first = group.members.filter(Q(position__lt=MAX_CARDS_ON_LIST) | Q(asset__in=keys))
    members = access.limit(first, "asset")
    return {member.asset_id: member.asset for member in members.select_related("asset").order_by("position")}


def log(
    decision: Decision, chosen: list[int], decided: DecidedImages, assets: Mapping[int, ImageAsset], user_pk: Any
) -> None:
    """Write the decision into the history of the images. The duplicates of a large group have no entry of their own."""
    message = decision.verdict.message(decided)
    if not decision.verdict.is_about_group:
        about = decision.verdict.message
        messages = [(assets[key], about(DecidedImages(assets[key], decided.keeper))) for key in chosen]
        messages.append((decided.keeper, message))
    else:
        messages = [(assets[key], message) for key in chosen]
        if decided.count + decided.others <= MAX_CARDS_ON_LIST:
            others = [assets[key] for key in assets.keys() - set(chosen)]
            messages += [(asset, same_message(DecidedImages(asset, decided.asset))) for asset in others]
    log_messages(user_pk, messages)
