from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hashing.fingerprint.fingerprint import is_hash
from hashing.text import parse_integer

HASHED, WAITING, FAILED = "hashed", "waiting", "failed"


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(HASHED, _("hashed")), (WAITING, _("waiting")), (FAILED, _("failed"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        state = self.value()
        rows: QuerySet[Any] = queryset
        if state == HASHED:
            rows = queryset.hashed()
        elif state == WAITING:
            rows = queryset.never_tried()
        elif state == FAILED:
            rows = queryset.failed()
        return rows


WAITING_QUERY = f"{StateFilter.parameter_name}={WAITING}"


class AddedFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("date added")


def search_images(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Return the rows with this hash, else those with this key or with these words in their file name."""
    text = text.strip()
    if is_hash(text):
        found = rows.filter(Q(perceptual_hash=text.lower()) | Q(vertical_hash=text.lower()))
        if found.exists():
            return found
    matches = Q(*(Q(image__icontains=word) for word in text.split()))
    number = parse_integer(text)
    return rows.filter(matches if number is None else matches | Q(pk=number))
