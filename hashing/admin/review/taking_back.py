"""Decisions that are taken back one by one, not by undoing a whole click."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hashing.admin.review.history import describe_pair, log_decision
from hashing.admin.review.services import DecisionResult
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused
from hashing.grouping.decisions import delete_decisions
from hashing.grouping.group_rows import with_groups_locked
from hashing.models import PairDecision


def may_take_back(request: HttpRequest, site: AdminSite) -> bool:
    """Return whether the user may take back decisions, whichever they are, in this site."""
    if not site.is_registered(PairDecision):
        return False
    return bool(site.get_model_admin(PairDecision).has_delete_permission(request))


def take_back(decision_pk: int, access: ImageAccess) -> DecisionResult:
    """Take back one decision on a pair. Raise `DecisionRefused` if it no longer holds, and `PermissionDenied`."""
    request, site = access.request, access.site
    if not may_take_back(request, site):
        raise PermissionDenied
    model_admin = site.get_model_admin(PairDecision)
    done = take_back_all(model_admin.get_queryset(request).filter(pk=decision_pk), request, model_admin)
    if done.forbidden:
        raise PermissionDenied
    if not done.decisions:
        raise DecisionRefused(_("This was taken back or decided again already. Nothing was changed."))
    [decision] = done.decisions
    return DecisionResult(taken_back_message(decision), [decision.lower_id, decision.higher_id])


class TakenBack(NamedTuple):
    """The decisions that were taken back, and the number of those that the user may not take back."""

    decisions: list[PairDecision]
    forbidden: int


def take_back_all(decisions: QuerySet[PairDecision], request: HttpRequest, model_admin: ModelAdmin[Any]) -> TakenBack:
    """Take back some decisions of a list, and write it into the history of their images."""
    using = router.db_for_write(PairDecision)
    user_pk: Any = request.user.pk

    def act() -> TakenBack:
        found = list(decisions.using(using).select_related("lower", "higher").prefetch_related(None))
        permitted = [decision for decision in found if model_admin.has_delete_permission(request, decision)]
        delete_decisions({(decision.lower_id, decision.higher_id) for decision in permitted}, using, user_pk)
        log_taken_back(permitted, user_pk)
        return TakenBack(permitted, len(found) - len(permitted))

    return with_groups_locked(using, act)


def log_taken_back(decisions: Iterable[PairDecision], user_pk: Any) -> None:
    for decision in decisions:
        log_decision(user_pk, [decision.lower, decision.higher], taken_back_message(decision))


def taken_back_message(decision: PairDecision) -> str:
    return _("Taken back: %(decision)s.") % {"decision": describe_pair(decision)}
