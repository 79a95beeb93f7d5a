from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from hashing.admin.images.columns import short_reason
from hashing.admin.images.uploads import PictureField
from hashing.admin.links import admin_page, admin_url
from hashing.admin.owners import Card, attach_owners
from hashing.admin.previews import PreviewView
from hashing.admin.search.forms import HashForm, SearchForm
from hashing.admin.search.matches import Obstacle, PageOfMatches, find_obstacle, page_number
from hashing.conf import hashing_settings
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_fingerprint

UPLOAD_PAGE = "admin/hashing/search/upload.html"


class PictureForm(forms.Form):
    picture = PictureField(label=gettext_lazy("Picture"), widget=forms.FileInput)

    def clean_picture(self) -> Fingerprint:
        """The whole file is decoded only now."""
        try:
            return compute_fingerprint(self.cleaned_data["picture"], hashing_settings().MAX_PIXELS)
        except (ValueError, MemoryError, OSError) as error:
            reason = str(error).removeprefix("Failed to process image: ")
            message = _("This file cannot be used as a picture: %(reason)s.")
            raise ValidationError(message, code="invalid_image", params={"reason": reason}) from error


class PictureSearch(admin.ModelAdmin):  # type: ignore[type-arg]
    @admin.action(description=gettext_lazy("Search by picture"), permissions=["view"])
    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def hashing_imageasset_search_by_image(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = PictureForm(request.POST, request.FILES) if request.method == "POST" else PictureForm()
        if form.is_valid():
            return redirect(self._address_of(form.cleaned_data["picture"]))
        return admin_page(self, request, UPLOAD_PAGE, _("Search by picture"), form=form)

    hashing_imageasset_search_by_image.url_path = "search-by-image/"  # type: ignore[attr-defined]

    def _address_of(self, picture: Fingerprint) -> str:
        """Return the address of the page with what is similar to a picture."""
        query = {
            "hash": picture.perceptual_hash,
            "vertical": picture.vertical_hash,
            "detail": picture.detail_hash,
            "quality": picture.quality,
        }
        return admin_url(self.admin_site, "imageasset_similar", query=query)


MATCHES_PAGE = "admin/hashing/search/results.html"


class Similar(PreviewView):
    @admin.action(description=gettext_lazy("Find similar"), permissions=["view"])
    @method_decorator(require_safe)
    def hashing_imageasset_find_similar(self, request: HttpRequest, pk: int) -> HttpResponse:
        asset = self.get_queryset(request).filter(pk=pk).first()
        if not self.has_view_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        form = SearchForm.of(request.GET, self.get_queryset(request))
        found = self._search(request, form, asset) if form.is_valid() else {}
        context = {"wanted": Card(asset, self.large_preview(asset)), "reason": short_reason(asset.hash_error)}
        attach_owners([asset], request, self.admin_site)
        return self._similar_page(request, _("Find similar"), form=form, **context, **found)

    hashing_imageasset_find_similar.url_path = "similar"  # type: ignore[attr-defined]

    @method_decorator(require_safe)
    def similar_to_hash_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = HashForm.of(request.GET, self.get_queryset(request))
        found = self._search(request, form, form.source()) if form.is_valid() else {}
        return self._similar_page(request, _("Search by picture"), form=form, **found)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.similar_to_hash_view)
        return [path("similar/", view, name="hashing_imageasset_similar"), *super().get_urls()]

    def _similar_page(self, request: HttpRequest, title: str, **context: Any) -> HttpResponse:
        may_change = self.has_change_permission(request)
        return admin_page(self, request, MATCHES_PAGE, title, may_change=may_change, **context)

    def _search(self, request: HttpRequest, form: SearchForm, source: ImageAsset) -> dict[str, Any]:
        """What the page says of the search: its cards, and why the hashes were not compared, if so."""
        options = {name: form.cleaned_data[name] for name in ("any_orientation", "include_low_quality")}
        obstacle = find_obstacle(source, include_low_quality=options["include_low_quality"])
        if obstacle == Obstacle.BAD_HASH:
            return {"obstacle": obstacle}
        rows: Any = self.get_queryset(request)
        found = rows.similar_to(source, form.cleaned_data["distance"], **options)
        page = PageOfMatches.of(found, page_number(request.GET.get("page", "1")))
        attach_owners(page.rows, request, self.admin_site)
        cards = [Card.of_match(row, self.large_preview(row)) for row in page.rows]
        return {"obstacle": obstacle, "page": page, "cards": cards}
