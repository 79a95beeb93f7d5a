from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hashing.fingerprint.fingerprint import is_hash
from hashing.sources.registry import all_sources
from hashing.text import parse_integer

NO_SOURCE = "none"
HASHED, WAITING, FAILED = "hashed", "waiting", "failed"


class AddedFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("date added")


class SourceFilter(admin.SimpleListFilter):
    """Offered where the site has sources."""

    title = _("source")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        sources = all_sources()
        names = [
            (source.label, f"{source.model._meta.verbose_name}: {source.field.verbose_name}") for source in sources
        ]
        return [*names, (NO_SOURCE, _("no source"))] if sources else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: Any = queryset
        if self.value() == NO_SOURCE:
            return rows.filter(source_type__isnull=True)  # type: ignore[no-any-return]
        return rows.of_sources([self.value()]) if self.value() in self._labels() else queryset

    def _labels(self) -> list[str]:
        return [source.label for source in all_sources()]


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


def search_images(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """A key or a whole hash is looked up; anything else, and a number that is no key, is part of a file name."""
    text = text.strip()
    key = parse_integer(text)
    conditions = [] if key is None else [Q(pk=key)]
    if is_hash(text):
        conditions.append(Q(perceptual_hash=text.lower()) | Q(vertical_hash=text.lower()))
    for condition in conditions:
        found = rows.filter(condition)
        if found.exists():
            return found
    for word in text.split():
        rows = rows.filter(image__icontains=word)
    return rows
