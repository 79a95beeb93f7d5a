from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

HASHED, WAITING, FAILED = "hashed", "waiting", "failed"


class AddedFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("date added")


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(HASHED, _("hashed")), (WAITING, _("waiting")), (FAILED, _("failed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: Any = queryset
        match self.value():
            case "hashed":
                return rows.hashed()  # type: ignore[no-any-return]
            case "waiting":
                return rows.never_tried()  # type: ignore[no-any-return]
            case "failed":
                return rows.failed()  # type: ignore[no-any-return]
        return queryset
