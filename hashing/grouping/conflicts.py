"""Decisions that somebody has made since a page was shown."""

from __future__ import annotations

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _

from hashing.models.duplicates import PairDecision


def newest_decision(using: str) -> int:
    """The highest key of a decision, 0 without any: those that are made from now on have higher ones."""
    return PairDecision.objects.using(using).order_by("-pk").values_list("pk", flat=True).first() or 0


def decided_since(newest: int, about: Q, using: str) -> PairDecision | None:
    """The last decision in force among those `about` something that are newer than the key `newest`."""
    since = PairDecision.objects.using(using).not_superseded().filter(about, pk__gt=newest)
    return since.with_users().order_by("-pk").first()


def about_images(one: int, other: int) -> Q:
    """Decisions on this pair, and those that mark one of the two as a duplicate of a third image."""
    return Q(lower=min(one, other), higher=max(one, other)) | Q(duplicate__in=(one, other))


def describe(decision: PairDecision, user_pk: int) -> dict[str, str]:
    """`who` and `when`, for a message to this person."""
    user = decision.decided_by
    who = _("You") if decision.decided_by_id == user_pk else user.get_username() if user else _("Somebody")
    moment = localtime(decision.decided_at) if is_aware(decision.decided_at) else decision.decided_at
    return {"who": str(who), "when": date_format(moment, "SHORT_DATETIME_FORMAT")}
