from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.db import models, router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from hashing.admin.deletion.policy import ImageDeletion
from hashing.admin.deletion.views import DeletionViews
from hashing.admin.hashing_actions.buttons import Buttons, HashActions
from hashing.admin.images.columns import Columns
from hashing.admin.images.duplicate_links import groups_to_review, link_to_group, may_see_groups
from hashing.admin.images.filters import AddedFilter, SourceFilter, StateFilter, search_images
from hashing.admin.images.uploads import PictureField, tell_about_upload
from hashing.admin.owners import attach_owners
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.progress.figures import summarize
from hashing.admin.progress.views import ProgressPage
from hashing.admin.search.views import PictureSearch, Similar
from hashing.models import ImageAsset


@admin.register(ImageAsset)
class ImageAssetAdmin(Columns, HashActions, Similar, PictureSearch, ProgressPage, Buttons):
    actions = (*HashActions.actions, "delete_selected")
    list_display = ("preview", "name", "pixels_and_bytes", "hash", "state", "added")
    list_display_links = ("preview", "name")
    list_filter = (StateFilter, SourceFilter, ("created_at", AddedFilter))
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    paginator = LargeTablePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    search_fields = ("image",)
    search_help_text = _("Part of a file name, a key, or a whole hash of 16 characters.")
    formfield_overrides = {models.ImageField: {"form_class": PictureField}}
    change_list_template = "admin/hashing/images/list.html"
    change_form_template = "admin/hashing/images/form.html"

    facts = ("state", "hash", "second_hash", "hash_quality", "hash_version", "hashed_at", "hash_error")
    file_facts = ("pixels", "size", "created_at")
    readonly_fields = ("large_preview", "duplicates", *facts, *file_facts)

    class Media:
        css = {"all": ["hashing/admin.css"]}

    def get_fieldsets(self, request: HttpRequest, obj: ImageAsset | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["image"]})]
        duplicates = ["duplicates"] if may_see_groups(request, self.admin_site) else []
        owners = ["owners"] if obj.source_type else []
        return [
            (None, {"fields": ["large_preview", "image", *owners, *duplicates]}),
            (_("Hash"), {"fields": self.facts}),
            (_("File"), {"fields": self.file_facts}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: ImageAsset | None = None) -> Any:
        """The file of a row of the site is replaced where that row is changed."""
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "image", "owners") if obj and obj.source_type else fields

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ImageAsset | None:
        asset: ImageAsset | None = super().get_object(request, object_id, from_field)
        if asset:
            attach_owners([asset], request, self.admin_site)
        return asset

    @admin.display(description=_("used by"))
    def owners(self, asset: Any) -> str:
        return render_to_string("admin/hashing/owners.html", {"asset": asset})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ImageAsset], search_term: str
    ) -> tuple[QuerySet[ImageAsset], bool]:
        return search_images(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context: dict[str, Any] = {}
        if request.method == "GET":
            groups = groups_to_review(request, self.admin_site)
            context = {"summary": summarize(ImageAsset.objects.all()), "groups_to_review": groups}
        return super().changelist_view(request, context | (extra_context or {}))

    @cached_property
    def deletion(self) -> DeletionViews:
        return DeletionViews(self, ImageDeletion(self))

    @admin.action(description=_("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[ImageAsset]) -> HttpResponse:
        return self.deletion.delete_selected(request, queryset)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.deletion.delete_view(request, object_id)

    @admin.display(description=_("duplicates"))
    def duplicates(self, asset: ImageAsset) -> str | None:
        return link_to_group(asset, self.admin_site)

    def save_model(self, request: HttpRequest, obj: ImageAsset, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        if "image" in form.changed_data:
            request.uploaded_pk = obj.pk  # type: ignore[attr-defined]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        if uploaded_pk := getattr(request, "uploaded_pk", None):
            # The upload is hashed after the commit, which may be that of the whole request.
            transaction.on_commit(
                lambda: self._tell_about_upload(request, uploaded_pk), using=router.db_for_write(ImageAsset)
            )
        return response

    def _tell_about_upload(self, request: HttpRequest, pk: int) -> None:
        # A replica may not have it yet.
        if asset := ImageAsset.objects.using(router.db_for_write(ImageAsset)).filter(pk=pk).first():
            tell_about_upload(request, asset, self.admin_site)
