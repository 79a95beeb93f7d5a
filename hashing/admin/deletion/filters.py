from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from hashing.admin.visibility import ImageAccess
from hashing.models import ImageAsset, PairDecision

# The folders of the newest marks are offered, the most frequent first. All folders could be millions.
NEWEST, MAX_FOLDERS = 1000, 10
KILOBYTE, MEGABYTE = 1 << 10, 1 << 20

lazy_size = lazy(filesizeformat, str)


class FolderFilter(admin.SimpleListFilter):
    title = _("folder")
    parameter_name = "folder"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        access = ImageAccess(request, model_admin.admin_site)
        marks = access.limit(PairDecision.objects.not_superseded(), "lower", "higher").exclude(duplicate=None)
        newest = marks.order_by("-pk").values_list("duplicate__image", flat=True)[:NEWEST]
        counts = Counter(str(PurePosixPath(name).parent) for name in newest if "/" in name)
        folders = dict.fromkeys(folder for folder, _count in counts.most_common(MAX_FOLDERS))
        chosen = request.GET.get(self.parameter_name)
        return [(folder, folder) for folder in sorted({*folders, chosen} if chosen else folders)]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1 or self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        folder = self.value()
        return queryset.filter(image__startswith=f"{folder.rstrip('/')}/") if folder else queryset


class FileSizeFilter(admin.SimpleListFilter):
    title = _("file size")
    parameter_name = "bytes"
    ranges = {
        "small": (_("up to {}"), {"file_size__lte": 100 * KILOBYTE}, 100 * KILOBYTE),
        "medium": (_("over {}"), {"file_size__gt": 100 * KILOBYTE}, 100 * KILOBYTE),
        "large": (_("over {}"), {"file_size__gt": MEGABYTE}, MEGABYTE),
        "huge": (_("over {}"), {"file_size__gt": 10 * MEGABYTE}, 10 * MEGABYTE),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, format_lazy(label, lazy_size(size))) for name, (label, _range, size) in self.ranges.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.ranges.get(str(self.value()))
        return queryset.filter(**chosen[1]) if chosen else queryset


class KeeperFilter(admin.SimpleListFilter):
    """A filter by the state of the image that is kept, as its row has it: a storage is asked before a deletion only."""

    title = _("file that is kept")
    parameter_name = "keeper"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("sound", _("there")), ("missing", _("missing or broken"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        with_error = ImageAsset.objects.exclude(hash_error="").values("pk")
        match self.value():
            case "missing":
                return queryset.filter(kept_pk__in=with_error)
            case "sound":
                return queryset.exclude(kept_pk__in=with_error)
        return queryset
