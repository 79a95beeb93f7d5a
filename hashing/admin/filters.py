from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hashing.sources.registry import all_sources

NO_SOURCE = "none"


class SourceFilter(admin.SimpleListFilter):
    """A filter by the source of the images. On a site without sources it has no choices, and is not shown."""

    title = _("source")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        sources = all_sources()
        names = [
            (source.label, f"{source.model._meta.verbose_name}: {source.field.verbose_name}") for source in sources
        ]
        return [*names, (NO_SOURCE, _("no source"))] if sources else []

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        label = self.value()
        rows: QuerySet[Any] = queryset
        if label == NO_SOURCE:
            rows = queryset.filter(source_type__isnull=True)
        elif label in {source.label for source in all_sources()}:
            rows = queryset.of_sources([label])
        return rows
