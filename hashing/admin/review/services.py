from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from django.db import router
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.review.forms import Decision
from hashing.admin.review.history import log_decision
from hashing.admin.review.presentation import MAX_CARDS_ON_LIST
from hashing.admin.review.verdicts import same_message
from hashing.admin.review.visible_groups import as_visible
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused, about_images, decided_since, describe
from hashing.grouping.decisions import undo
from hashing.grouping.deletion import file_problem, record_problem
from hashing.grouping.group_rows import with_groups_locked
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from hashing.stored_files.availability import StorageUnavailable
from hashing.text import isolated

NOT_IN_GROUP = gettext_lazy("This image is no longer in this group. Nothing was changed.")


class DecisionResult(NamedTuple):
    """A message, and the keys of images whose groups may have changed: the first ones of a large group."""

    message: str
    keys: list[int]


def apply_decision(decision: Decision, rows: QuerySet[DuplicateGroup], access: ImageAccess) -> DecisionResult:
    """Decide about a group among `rows`. Raises `DecisionRefused`; nothing is changed then.

    No image that the user may not see or change is ever marked, unmarked or named.
    """
    using = router.db_for_write(PairDecision)
    pair = {decision.asset_pk, decision.keeper_pk}
    if len(access.visible_keys(pair)) < len(pair):
        raise DecisionRefused(NOT_IN_GROUP)
    if decision.kept_pk is not None:
        # Before the groups are locked: a storage may take long.
        refuse_missing_file(decision.kept_pk, access, using)
    return with_groups_locked(using, apply_locked, decision, rows.using(using), access, using)


def undo_decisions(batch: UUID, access: ImageAccess) -> DecisionResult:
    """Take back what the user decided under this key. Raises `DecisionRefused`; nothing is changed then."""
    using = router.db_for_write(PairDecision)
    user_pk: Any = access.request.user.pk

    def undo_and_log() -> DecisionResult:
        refuse_forbidden(batch, access, using)
        keys = undo(batch, user_pk)
        message = _("The last decision was taken back.")
        log_decision(user_pk, ImageAsset.objects.filter(pk__in=keys[:MAX_CARDS_ON_LIST]), message)
        return DecisionResult(message, keys)

    return with_groups_locked(using, undo_and_log)


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
    if repeated := find_result(decision, user_pk, using):
        return repeated
    pair = about_images(decision.asset_pk, decision.keeper_pk)
    refuse_newer_decision(decision, pair, access, using)
    group = rows.filter(keeper=decision.keeper_pk, members__asset=decision.asset_pk).first()
    if group is None:
        raise DecisionRefused(NOT_IN_GROUP)
    as_visible(group)
    if decision.verdict.is_about_group:
        about_group = Q(duplicate__membership__group=group.pk) & access.is_visible("duplicate")
        refuse_newer_decision(decision, about_group, access, using)
        if not decision.shown.is_current(group, access):
            raise DecisionRefused(_("The group has changed in the meantime. Please look at it again."))
    # Read before the decision, which may dissolve the group.
    assets = read_assets(group, decision, access)
    # Hidden images of the group stay as they are.
    among = {"among": access.images} if decision.verdict.is_about_group and access.is_narrowed else {}
    decision.verdict.decide(group, decision.asset_pk, user_pk, decision.batch, **among)
    refuse_forbidden(decision.batch, access, using)
    return DecisionResult(log_and_describe(decision, group.size, assets, user_pk), list(assets))


def find_result(decision: Decision, user_pk: int, using: str) -> DecisionResult | None:
    """Return the result if the same form has decided already. Raises `DecisionRefused` if it decided otherwise."""
    made = PairDecision.objects.using(using).filter(batch=decision.batch)
    if not made.exists():
        return None
    expected = decision.verdict.decisions_on(decision.asset_pk, decision.keeper_pk)
    if not made.filter(decided_by=user_pk).filter(expected).exists():
        raise DecisionRefused(_("This form was already used for another decision. Please look at the group again."))
    assets = ImageAsset.objects.using(using).in_bulk([decision.asset_pk, decision.keeper_pk])
    asset, keeper = assets.get(decision.asset_pk), assets.get(decision.keeper_pk)
    if asset is None or keeper is None:
        return None
    pairs = made.values_list("lower", "higher")[:MAX_CARDS_ON_LIST]
    keys = dict.fromkeys([decision.keeper_pk, decision.asset_pk, *(key for pair in pairs for key in pair)])
    return DecisionResult(decision.verdict.message(asset, keeper, made.count()), list(keys))


def refuse_newer_decision(decision: Decision, condition: Q, access: ImageAccess, using: str) -> None:
    """Raise `DecisionRefused` if somebody has made such a decision since the page was shown."""
    newer = decided_since(decision.shown.newest_decision, condition, using)
    if newer is not None:
        text = _("%(who)s decided about this on %(when)s, after this page was loaded. Nothing was changed.")
        values = describe(newer, access.request.user.pk)
        # Who decides about hidden images is not shown either.
        if len(access.visible_keys((newer.lower_id, newer.higher_id))) < len(("lower", "higher")):
            values["who"] = _("Somebody")
        raise DecisionRefused(text % values)


def read_assets(group: DuplicateGroup, decision: Decision, access: ImageAccess) -> dict[int, ImageAsset]:
    """Return by key the image in question and the first visible ones of the group, which may be large."""
    first = group.members.filter(Q(position__lt=MAX_CARDS_ON_LIST) | Q(asset=decision.asset_pk))
    members = access.limit(first, "asset")
    return {member.asset_id: member.asset for member in members.select_related("asset").order_by("position")}


def log_and_describe(decision: Decision, size: int, assets: dict[int, ImageAsset], user_pk: int) -> str:
    asset, keeper = assets[decision.asset_pk], assets[decision.keeper_pk]
    message = decision.verdict.message(asset, keeper, size - 1)
    if not decision.verdict.is_about_group:
        log_decision(user_pk, [asset, keeper], message)
        return message
    log_decision(user_pk, [asset], message)
    # The duplicates of a large group have no entry of their own.
    for other in assets.values() if size <= MAX_CARDS_ON_LIST else ():
        if other != asset:
            log_decision(user_pk, [other], same_message(other, asset))
    return message
