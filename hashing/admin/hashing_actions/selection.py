from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, QueryDict

from hashing.admin.visibility import ImageAccess
from hashing.db.queryset_state import is_distinct
from hashing.models.querysets import ImageAssetQuerySet

Rows = ImageAssetQuerySet[Any]


@dataclass(frozen=True)
class Selection:
    """The rows with these `keys` or, if None, those that the list shows for the query string `query`."""

    query: str = ""
    keys: list[str] | None = None

    @classmethod
    def of_action(cls, request: HttpRequest) -> Selection:
        """Return the rows that the form of the list selects: ticked rows, or all that match."""
        if request.POST.get("select_across") == "1":
            return cls(query=request.GET.urlencode())
        return cls(keys=request.POST.getlist(ACTION_CHECKBOX_NAME))

    def rows(self, model_admin: Any, user: Any) -> Rows:
        """Return the rows of the list that this user may see and change now, also in a process without a request.

        `get_changelist_instance()` is not documented, but nothing else applies the filters and the search of a list
        as its ModelAdmin defines them, and a queue can carry a query string but no queryset.
        """
        request = self.request_of(user)
        if self.keys is None:
            rows = model_admin.get_changelist_instance(request).queryset
        else:
            rows = model_admin.get_queryset(request).filter(pk__in=self.keys)
        return without_distinct(ImageAccess(request, model_admin.admin_site).limit_to_permitted("change", rows))

    def request_of(self, user: Any) -> HttpRequest:
        """Return a request of the user for the list."""
        request = HttpRequest()
        request.method, request.user, request.GET = "GET", user, QueryDict(self.query)
        return request


def without_distinct(rows: Rows) -> Rows:
    """Return the same rows without DISTINCT, which a `get_queryset` of the site may have and a backfill refuses."""
    if not is_distinct(rows):
        return rows
    return ImageAssetQuerySet(rows.model, using=rows.write_database).filter(pk__in=rows.order_by().values("pk"))
