from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.options import ShowFacets
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from hashing.admin import columns
from hashing.admin.capped_count import CappedCount
from hashing.admin.decision_filters import (
    DecidedAtFilter,
    DeciderFilter,
    search_by_images,
    with_decision_fields,
)
from hashing.admin.deletion.duplicate_deletion import MarkedDuplicateDeletion
from hashing.admin.deletion.filters import FileSizeFilter, FolderFilter, KeeperFilter
from hashing.admin.deletion.kept_images import find_kept_images
from hashing.admin.deletion.report import DeletionReport
from hashing.admin.deletion.views import DeletionViews
from hashing.admin.filters import SourceFilter
from hashing.admin.paginator import LargeTablePaginator, values_checked
from hashing.admin.visibility import ImageAccess
from hashing.models import MarkedDuplicate, PairDecision

# For many more rows, PostgreSQL reads all images of the table three times instead of looking these up.
MAX_COUNTED = 10_000


class MarkedPaginator(LargeTablePaginator):
    """Pages of marked duplicates. Counts and adds up the rows with one query."""

    @cached_property
    def total(self) -> CappedCount:
        rows: Any = self.object_list
        with values_checked():
            return CappedCount.of(rows, MAX_COUNTED, bytes="file_size")

    def _count(self, queryset: Any) -> int:
        # The history of a row has the same paginator.
        if queryset.model is not MarkedDuplicate:
            return super()._count(queryset)
        self.is_capped = self.total.is_capped
        return self.total.rows


def attach_kept_images(rows: Iterable[Any], access: ImageAccess) -> None:
    """Set `kept` of each row to its `KeptImage`, None if it is not marked any more."""
    found = list(rows)
    kept = find_kept_images([row.pk for row in found], access, router.db_for_read(PairDecision))
    for row in found:
        row.kept = kept.get(row.pk)


@admin.register(MarkedDuplicate)
class MarkedDuplicateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Images that editors have marked as duplicates, to be deleted with their files."""

    actions = ("delete_selected",)
    list_display = ("duplicate", "kept", "decided", "added")
    list_filter = (DeciderFilter, DecidedAtFilter, KeeperFilter, FileSizeFilter, SourceFilter, FolderFilter)
    list_display_links = None
    list_per_page = 50
    list_max_show_all = 0
    # The key of the image, which SQLite reads in order only from the index of the marks.
    ordering = ("-marks__duplicate",)
    paginator = MarkedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    search_fields = ("image",)
    search_help_text = gettext_lazy("Part of the file name of either image, or a key.")
    change_list_template = "admin/hashing/deletion/marked_list.html"

    added = staticmethod(columns.added)

    class Media:
        css = {"all": ["hashing/admin.css", "hashing/image_cells.css", "hashing/deletion/deletion.css"]}

    def __init__(self, model: type[MarkedDuplicate], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        self.policy = MarkedDuplicateDeletion(self)
        self.deletion = DeletionViews(self, self.policy)

    def get_urls(self) -> list[Any]:
        return [*self.deletion.urls(), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        access = ImageAccess(request, self.admin_site)
        return access.may_see_images() and super().has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        access = ImageAccess(request, self.admin_site)
        if not (access.may_see_images() and super().has_delete_permission(request, obj)):
            return False
        return obj is None or access.allows("delete", obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MarkedDuplicate]:
        """Return the marked duplicates that the user may see together with the images kept in their place."""
        rows: Any = super().get_queryset(request)
        return ImageAccess(request, self.admin_site).limit(with_decision_fields(rows), "pk", "kept_pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[MarkedDuplicate], search_term: str
    ) -> tuple[QuerySet[MarkedDuplicate], bool]:
        return search_by_images(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        response: Any = super().changelist_view(request, {"title": title, **(extra_context or {})})
        changelist = (getattr(response, "context_data", None) or {}).get("cl")
        if changelist is not None:
            attach_kept_images(changelist.result_list, ImageAccess(request, self.admin_site))
            response.context_data["total"] = changelist.paginator.total
            response.context_data["deletions"] = self.deletion.list_unfinished_runs(request)
        page: HttpResponse = response
        return page

    @admin.display(description=gettext_lazy("duplicate"), ordering="file_size")
    def duplicate(self, asset: MarkedDuplicate) -> SafeString:
        return columns.image_cell(asset, self.admin_site, gettext_lazy("Duplicate"))

    @admin.display(description=gettext_lazy("kept in its place"))
    def kept(self, asset: Any) -> SafeString | None:
        return columns.image_cell(asset.kept.asset, self.admin_site, gettext_lazy("Kept")) if asset.kept else None

    @admin.display(description=gettext_lazy("decided by"))
    def decided(self, asset: Any) -> SafeString | None:
        if not asset.kept:
            return None
        return columns.decided_html(asset.kept.decided_by, asset.kept.decision.decided_at)

    @admin.action(description=gettext_lazy("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[MarkedDuplicate]) -> HttpResponse:
        return self.deletion.delete_selected(request, queryset)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.deletion.delete_view(request, object_id)

    def delete_model(self, request: HttpRequest, obj: MarkedDuplicate) -> None:
        self.policy.delete_one(request, obj, DeletionReport())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MarkedDuplicate]) -> None:
        self.policy.delete_batch(request, list(queryset), DeletionReport())
