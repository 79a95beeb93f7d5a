from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from hashing.admin import columns
from hashing.admin.deletion.duplicate_deletion import MarkedDuplicateDeletion
from hashing.admin.deletion.report import DeletionReport
from hashing.admin.deletion.views import DeletionViews
from hashing.admin.links import admin_url, link_or_text
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.previews import SMALL, preview_html
from hashing.admin.visibility import ImageAccess
from hashing.models import ImageAsset, MarkedDuplicate, PairDecision


@admin.register(MarkedDuplicate)
class MarkedDuplicateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Images that editors have marked as duplicates, to be deleted with their files."""

    actions = ("delete_selected",)
    list_display = ("preview", "name", "pixels_and_bytes", "kept", "added")
    list_display_links = None
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    paginator = LargeTablePaginator
    show_full_result_count = False

    name = staticmethod(columns.name)
    pixels_and_bytes = staticmethod(columns.pixels_and_bytes)
    added = staticmethod(columns.added)

    class Media:
        css = {"all": ["hashing/admin.css"]}

    def __init__(self, model: type[MarkedDuplicate], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        self.policy = MarkedDuplicateDeletion(self)
        self.deletion = DeletionViews(self, self.policy)

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
        marks = PairDecision.objects.in_force().filter(duplicate=OuterRef("pk")).order_by("-pk")
        other = marks.values_list(F("lower") + F("higher") - F("duplicate"))[:1]
        access = ImageAccess(request, self.admin_site)
        rows = access.limit(super().get_queryset(request).annotate(kept_pk=Subquery(other)), "pk", "kept_pk")
        name = ImageAsset.objects.filter(pk=OuterRef("kept_pk")).values("image")
        return rows.annotate(kept_name=Subquery(name))  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("preview"))
    def preview(self, asset: ImageAsset) -> str:
        return preview_html(asset, SMALL, self.admin_site)

    @admin.display(description=gettext_lazy("duplicate of"))
    def kept(self, asset: Any) -> SafeString:
        return link_or_text(admin_url(self.admin_site, "imageasset_change", asset.kept_pk), asset.kept_name)

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
