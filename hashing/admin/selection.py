"""Which rows an action is about, in words that a queue can carry: never a million keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, QueryDict

from hashing.querysets import ImageAssetQuerySet


@dataclass(frozen=True)
class Selection:
    """The rows with these `keys`, or all that the list shows for this `query` (the part of its address after "?")."""

    query: str = ""
    keys: list[str] | None = None

    @classmethod
    def of_action(cls, request: HttpRequest) -> Selection:
        """What the form of the list has sent: ticked rows, or "select all N"."""
        if request.POST.get("select_across") == "1":
            return cls(query=request.GET.urlencode())
        return cls(keys=request.POST.getlist(ACTION_CHECKBOX_NAME))

    def rows(self, model_admin: Any, user: Any) -> ImageAssetQuerySet[Any]:
        """As this user's list would find them now."""
        request = HttpRequest()
        request.method, request.user, request.GET = "GET", user, QueryDict(self.query)
        if self.keys is None:
            return once_each(model_admin.get_changelist_instance(request).queryset)
        return once_each(model_admin.get_queryset(request).filter(pk__in=self.keys))


def once_each(rows: ImageAssetQuerySet[Any]) -> ImageAssetQuerySet[Any]:
    """The same rows without DISTINCT, which a backfill refuses, and a site's own `get_queryset` may well bring."""
    if not rows.query.distinct:
        return rows
    return ImageAssetQuerySet(rows.model, using=rows.chosen_database).filter(pk__in=rows.order_by().values("pk"))
