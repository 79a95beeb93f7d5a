from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from hashing.admin.actions import HashActions
from hashing.admin.buttons import Buttons
from hashing.admin.columns import Columns
from hashing.admin.deletion import Deletion
from hashing.admin.duplicate_links import groups_to_review, link_to_group, may_see_groups
from hashing.admin.filters import AddedFilter, StateFilter
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.picture_search import PictureSearch
from hashing.admin.progress import ProgressPage
from hashing.admin.search import search_images
from hashing.admin.similar import Similar
from hashing.admin.summary import summarize
from hashing.admin.upload_field import PictureField
from hashing.admin.upload_messages import tell_about_upload
from hashing.models import ImageAsset


@admin.register(ImageAsset)
class ImageAssetAdmin(Columns, HashActions, Similar, PictureSearch, ProgressPage, Deletion, Buttons):
    actions = (*HashActions.actions, "delete_selected")
    list_display = ("preview", "name", "pixels_and_bytes", "hash", "state", "added")
    list_display_links = ("preview", "name")
    list_filter = (StateFilter, ("created_at", AddedFilter))
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    paginator = LargeTablePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    search_fields = ("image",)
    search_help_text = _("Part of a file name, a key, or a whole hash of 16 characters.")
    formfield_overrides = {models.ImageField: {"form_class": PictureField}}
    change_list_template = "admin/hashing/image_list.html"

    facts = ("state", "hash", "second_hash", "hash_quality", "hash_version", "hashed_at", "hash_error")
    file_facts = ("pixels", "size", "created_at")
    readonly_fields = ("large_preview", "duplicates", *facts, *file_facts)

    class Media:
        css = {"all": ["hashing/admin.css"]}

    def get_fieldsets(self, request: HttpRequest, obj: ImageAsset | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["image"]})]
        duplicates = ["duplicates"] if may_see_groups(request) else []
        return [
            (None, {"fields": ["large_preview", "image", *duplicates]}),
            (_("Hash"), {"fields": self.facts}),
            (_("File"), {"fields": self.file_facts}),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ImageAsset], search_term: str
    ) -> tuple[QuerySet[ImageAsset], bool]:
        return search_images(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context: dict[str, Any] = {}
        if request.method == "GET":
            context = {"summary": summarize(ImageAsset.objects.all()), "groups_to_review": groups_to_review(request)}
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.display(description=_("duplicates"))
    def duplicates(self, asset: ImageAsset) -> str | None:
        return link_to_group(asset)

    def save_model(self, request: HttpRequest, obj: ImageAsset, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        if "image" in form.changed_data:
            request.uploaded_pk = obj.pk  # type: ignore[attr-defined]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        # Only now the transaction is over, and the upload hashed.
        uploaded_pk = getattr(request, "uploaded_pk", None)
        if uploaded_pk and (asset := ImageAsset.objects.filter(pk=uploaded_pk).first()):
            tell_about_upload(request, asset)
        return response
