from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import router
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.admin.review.forms import DIFFERENT, KEEP, SAME, DecisionForm
from hashing.admin.review.presentation import ON_LIST
from hashing.grouping.decision_log import DecisionRefused
from hashing.grouping.decisions import undo
from hashing.grouping.deletion import file_problem, record_problem
from hashing.grouping.group_rows import with_groups_locked
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from hashing.stored_files.availability import StorageUnavailable
from hashing.text import isolated


def record_decision(user_pk: Any, assets: Iterable[ImageAsset], message: str) -> None:
    """The same message for all of them."""
    kind = ContentType.objects.get_for_model(ImageAsset, for_concrete_model=False)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_pk,
            content_type=kind,
            object_id=str(asset.pk),
            object_repr=str(asset)[:200],
            action_flag=CHANGE,
            change_message=message,
        )
        for asset in assets
    )


def same_message(asset: ImageAsset, keeper: ImageAsset) -> str:
    return _("%(name)s is marked as a duplicate of %(keeper)s.") % {"name": isolated(asset), "keeper": isolated(keeper)}


def different_message(asset: ImageAsset, keeper: ImageAsset) -> str:
    text = _("%(name)s and %(keeper)s are not the same, and will not come up together again.")
    return text % {"name": isolated(asset), "keeper": isolated(keeper)}


def kept_message(asset: ImageAsset, marked: int) -> str:
    text = ngettext(
        "%(name)s is kept, and %(marked)d picture is marked as its duplicate.",
        "%(name)s is kept, and %(marked)d pictures are marked as its duplicates.",
        marked,
    )
    return text % {"name": isolated(asset), "marked": marked}


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


class Done(NamedTuple):
    """`keys` are pictures whose groups may be others now; of a large group, the first ones."""

    message: str
    keys: list[int]


def carry_out(form: DecisionForm, rows: QuerySet[DuplicateGroup], user_pk: Any) -> Done:
    """Raises `DecisionRefused`; nothing is decided then."""
    using = router.db_for_write(PairDecision)
    if form.kept_pk is not None:
        # Before the groups are locked: the storage may take its time.
        _check_file(form.kept_pk, using)
    return with_groups_locked(using, _carry_out, form, rows.using(using), user_pk, using)


def take_back(batch: UUID, user_pk: Any) -> Done:
    """What this person decided under this key. Raises `DecisionRefused`; nothing is changed then."""
    return with_groups_locked(router.db_for_write(PairDecision), _take_back, batch, user_pk)


def _check_file(key: int, using: str) -> None:
    asset = ImageAsset.objects.using(using).filter(pk=key).first()
    if asset is None:
        return
    try:
        problem = file_problem(asset)
    except StorageUnavailable as error:
        text = _("%(name)s cannot be kept, because nobody knows whether its file is there: %(reason)s")
        raise DecisionRefused(text % {"name": isolated(asset), "reason": error}) from error
    record_problem(asset, problem, using)
    if problem:
        raise DecisionRefused(_("%(name)s cannot be kept: %(reason)s") % {"name": isolated(asset), "reason": problem})


def _carry_out(form: DecisionForm, rows: QuerySet[DuplicateGroup], user_pk: Any, using: str) -> Done:
    if repeated := _answer_again(form, user_pk, using):
        return repeated
    form.refuse_conflict(user_pk, using)
    group = rows.filter(keeper=form.keeper_pk, members__asset=form.asset_pk).first()
    if group is None:
        raise DecisionRefused(_("This picture is not in this group any more. Nothing was changed."))
    seen = _seen(group, form)
    form.apply(group, user_pk, using)
    return Done(_record(form, group.size, seen, user_pk), list(seen))


def _answer_again(form: DecisionForm, user_pk: Any, using: str) -> Done | None:
    """What the first of two clicks has done. Raises `DecisionRefused` when it was something else."""
    decided = PairDecision.objects.using(using).filter(batch=form.batch)
    if not decided.exists():
        return None
    is_mine = decided.filter(decided_by=user_pk).filter(_decided_by_form(form)).exists()
    if not is_mine:
        raise DecisionRefused(_("This page has decided something else already. Please look at the group again."))
    assets = ImageAsset.objects.using(using).in_bulk([form.asset_pk, form.keeper_pk])
    asset, keeper = assets.get(form.asset_pk), assets.get(form.keeper_pk)
    if asset is None or keeper is None:
        return None
    pairs = decided.values_list("lower", "higher")[:ON_LIST]
    keys = list(dict.fromkeys([form.keeper_pk, form.asset_pk, *(key for pair in pairs for key in pair)]))
    return Done(_message(form, asset, keeper, decided.count()), keys)


def _decided_by_form(form: DecisionForm) -> Q:
    """Of the decisions with the key of the form, one that its button makes."""
    if form.verdict == KEEP:
        return (Q(lower=form.asset_pk) | Q(higher=form.asset_pk)) & ~Q(duplicate=form.asset_pk) & Q(verdict=SAME)
    lower, higher = sorted((form.asset_pk, form.keeper_pk))
    duplicate = Q(duplicate__isnull=True) if form.verdict == DIFFERENT else Q(duplicate=form.asset_pk)
    return Q(lower=lower, higher=higher) & duplicate


def _take_back(batch: UUID, user_pk: Any) -> Done:
    keys = undo(batch, user_pk)
    message = _("The last decision was taken back.")
    record_decision(user_pk, ImageAsset.objects.filter(pk__in=keys[:ON_LIST]), message)
    return Done(message, keys)


def _seen(group: DuplicateGroup, form: DecisionForm) -> dict[int, ImageAsset]:
    """The first pictures of the group and the one in question, by key: never a whole large group."""
    chosen = group.members.filter(Q(position__lt=ON_LIST) | Q(asset=form.asset_pk))
    return {member.asset_id: member.asset for member in chosen.select_related("asset").order_by("position")}


def _record(form: DecisionForm, size: int, seen: dict[int, ImageAsset], user_pk: Any) -> str:
    """Returns what has been done, in words."""
    asset, keeper = seen[form.asset_pk], seen[form.keeper_pk]
    message = _message(form, asset, keeper, size - 1)
    if form.verdict != KEEP:
        record_decision(user_pk, [asset, keeper], message)
        return message
    # Of a large group, the history of the keeper alone tells.
    record_decision(user_pk, [asset], message)
    for other in seen.values() if size <= ON_LIST else ():
        if other != asset:
            record_decision(user_pk, [other], same_message(other, asset))
    return message


def _message(form: DecisionForm, asset: ImageAsset, keeper: ImageAsset, marked: int) -> str:
    if form.verdict == KEEP:
        return kept_message(asset, marked)
    return same_message(asset, keeper) if form.verdict == SAME else different_message(asset, keeper)
