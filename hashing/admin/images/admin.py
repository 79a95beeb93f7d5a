from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.options import ShowFacets
from django.db import models, router, transaction
from django.db.models import QuerySet
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from hashing.admin import columns
from hashing.admin.buttons import Buttons, button
from hashing.admin.deletion.policy import ImageDeletion
from hashing.admin.deletion.views import DeletionViews
from hashing.admin.fields import ImageUploadField
from hashing.admin.filters import SourceFilter
from hashing.admin.hashing_actions.views import HashingViews
from hashing.admin.images.choice_views import UploadChoiceViews
from hashing.admin.images.duplicates import (
    attach_group,
    attach_related,
    groups_to_review,
    link_to_group,
    link_to_related,
    may_see_groups,
)
from hashing.admin.images.filters import WAITING_QUERY, AddedFilter, StateFilter, search_images
from hashing.admin.images.saved_uploads import add_upload_messages, keep_together
from hashing.admin.images.upload_choice import ImageUploadForm
from hashing.admin.originals import OriginalView
from hashing.admin.owners import attach_owners
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.previews import LARGE, SMALL, PreviewView, preview_html
from hashing.admin.progress.views import ProgressView
from hashing.admin.search.views import SearchViews
from hashing.admin.sites import remember_site
from hashing.admin.visibility import ImageAccess
from hashing.models import ImageAsset
from hashing.observability.summary import summarize

HASH_FIELDS = ("state", "hash", "second_hash", "hash_quality", "hash_version", "hashed_at", "hash_error")
FACTS = ("file_format", "jpeg_quality", "is_transparent", "exif_count", "taken_at")
FILE_FIELDS = ("pixels", "size", *FACTS, "created_at")
COMPUTE, RECOMPUTE = _("Compute perceptual hashes"), _("Recompute perceptual hashes")


@admin.register(ImageAsset)
class ImageAssetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The list and the form of the images, from which other classes serve the other screens.

    All screens honour `get_queryset`, `has_*_permission` and the other hooks of Django, also those of a subclass.
    """

    list_display = columns.LIST_DISPLAY
    list_display_links = ("preview", "name")
    list_filter = (StateFilter, SourceFilter, ("created_at", AddedFilter))
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    paginator = LargeTablePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    search_fields = ("image",)
    search_help_text = _("Part of a file name, a number, or a whole hash of 16 characters.")
    form = ImageUploadForm
    formfield_overrides = {models.ImageField: {"form_class": ImageUploadField}}
    readonly_fields = ("large_preview", "duplicates", "related", *HASH_FIELDS, *FILE_FIELDS)
    change_list_template = "admin/hashing/images/list.html"
    change_form_template = "admin/hashing/images/form.html"

    actions = ("compute_hashes", "recompute_hashes", "delete_selected")
    # Names of methods; see `Buttons`.
    actions_list: tuple[str, ...] = ("hashing_imageasset_search_by_image", "hashing_imageasset_hash_waiting")
    actions_row: tuple[str, ...] = ("hashing_imageasset_find_similar", "hashing_imageasset_recompute")
    actions_detail: tuple[str, ...] = actions_row

    class Media:
        css = {
            "all": [
                "hashing/admin.css",
                "hashing/cards.css",
                "hashing/review/chips.css",
                "hashing/image_cells.css",
                "hashing/images/upload_choice.css",
                "hashing/deletion/deletion.css",
            ]
        }
        js = [Script("hashing/images/upload.js", type="module")]

    def __init__(self, model: type[ImageAsset], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        remember_site(admin_site)
        self.buttons, self.hashing, self.search = Buttons(self), HashingViews(self), SearchViews(self)
        self.deletion = DeletionViews(self, ImageDeletion(self))

    def get_urls(self) -> list[Any]:
        views = (ProgressView(self), PreviewView(self), OriginalView(self), UploadChoiceViews(self))
        screens = (self.buttons, self.search, self.deletion, *views)
        return [*(url for screen in screens for url in screen.urls()), *super().get_urls()]

    # Columns of the list and fields of the form.

    name = staticmethod(columns.name)
    pixels_and_bytes = staticmethod(columns.pixels_and_bytes)
    pixels = staticmethod(columns.pixels)
    size = staticmethod(columns.size)
    hash = staticmethod(columns.hash_text)
    second_hash = staticmethod(columns.vertical_hash_text)
    state = staticmethod(columns.state)
    added = staticmethod(columns.added)

    @admin.display(description=_("preview"))
    def preview(self, asset: ImageAsset) -> str:
        return preview_html(asset, SMALL, self.admin_site, alt=str(asset))

    @admin.display(description=_("preview"))
    def large_preview(self, asset: ImageAsset) -> str:
        return preview_html(asset, LARGE, self.admin_site)

    @admin.display(description=_("used by"))
    def owners(self, asset: ImageAsset) -> str:
        return render_to_string("admin/hashing/owners.html", {"asset": asset})

    @admin.display(description=_("duplicates"))
    def duplicates(self, asset: ImageAsset) -> str | None:
        return link_to_group(asset, self.admin_site)

    @admin.display(description=_("belongs together with"))
    def related(self, asset: ImageAsset) -> str | None:
        return link_to_related(asset, self.admin_site)

    # The list.

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*super().get_list_display(request), *self.buttons.row_columns(request)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ImageAsset], search_term: str
    ) -> tuple[QuerySet[ImageAsset], bool]:
        return search_images(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context: dict[str, Any] = {"hashing_buttons": self.buttons.for_list(request)}
        if request.method == "GET":
            context["summary"] = summarize(ImageAccess(request, self.admin_site).images)
            context["groups_to_review"] = groups_to_review(request, self.admin_site)
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.action(description=COMPUTE, permissions=["change"])
    def compute_hashes(self, request: HttpRequest, queryset: QuerySet[ImageAsset]) -> None:
        self.hashing.hash_selected(request, str(COMPUTE), queryset, rehash=False)

    @admin.action(description=RECOMPUTE, permissions=["change"])
    def recompute_hashes(self, request: HttpRequest, queryset: QuerySet[ImageAsset]) -> None:
        self.hashing.hash_selected(request, str(RECOMPUTE), queryset, rehash=True)

    @admin.action(description=_("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[ImageAsset]) -> HttpResponse:
        return self.deletion.delete_selected(request, queryset)

    # The form.

    def get_form(self, request: HttpRequest, obj: ImageAsset | None = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        form: Any = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"access": ImageAccess(request, self.admin_site)})

    def get_fieldsets(self, request: HttpRequest, obj: ImageAsset | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["image"]})]
        duplicates = ["duplicates", "related"] if may_see_groups(request, self.admin_site) else []
        owners = ["owners"] if obj.source_type else []
        return [
            (None, {"fields": ["large_preview", "image", *owners, *duplicates]}),
            (_("Hash"), {"fields": HASH_FIELDS}),
            (_("File"), {"fields": FILE_FIELDS}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: ImageAsset | None = None) -> Any:
        """Make the file read-only where a row of the site owns it: it is replaced in the form of that row."""
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "image", "owners") if obj and obj.source_type else fields

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ImageAsset | None:
        asset: ImageAsset | None = super().get_object(request, object_id, from_field)
        if asset:
            attach_owners([asset], request, self.admin_site)
            attach_group(asset, request, self.admin_site)
            attach_related(asset, request, self.admin_site)
        return asset

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"hashing_buttons": self.buttons.for_form(request, object_id), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.deletion.delete_view(request, object_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Leave out what others have decided or done where images are hidden: their messages may name such images."""
        response = super().history_view(request, object_id, extra_context)
        if ImageAccess(request, self.admin_site).is_narrowed and isinstance(response, TemplateResponse):
            for entry in (response.context_data or {}).get("action_list", ()):
                if entry.user_id != request.user.pk:
                    entry.change_message = ""
        return response

    def save_model(self, request: HttpRequest, obj: ImageAsset, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        site, using = self.admin_site, router.db_for_write(ImageAsset)
        if kept := getattr(form, "kept", ()):
            # Before the upload is hashed, so that it joins no group with them.
            keep_together(obj, kept, ImageAccess(request, site))
        if "image" in form.changed_data:
            # After the upload is hashed, which also happens after the commit.
            transaction.on_commit(
                lambda: add_upload_messages(obj, form, ImageAccess(request, site), using), using=using
            )

    # The views behind the buttons.

    @button(_("Search by image"), "search-by-image/", "view")
    def hashing_imageasset_search_by_image(self, request: HttpRequest) -> HttpResponse:
        return self.search.search_by_image(request)

    @button(_("Hash all waiting"), "hash-waiting/", "change")
    def hashing_imageasset_hash_waiting(self, request: HttpRequest) -> HttpResponse:
        return self.hashing.hash_waiting(request, WAITING_QUERY)

    @button(_("Find similar"), "similar", "view")
    def hashing_imageasset_find_similar(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.search.find_similar(request, pk)

    @button(_("Recompute hash"), "recompute", "change")
    def hashing_imageasset_recompute(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.hashing.recompute(request, pk)
