from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from hashing.admin.columns import short_error
from hashing.admin.links import admin_page, admin_url
from hashing.admin.owners import attach_owners
from hashing.admin.previews import LARGE, preview_html
from hashing.admin.search.forms import HashForm, SearchForm, SearchUploadForm
from hashing.admin.search.matches import Card, MatchPage, UnsearchableReason, page_number, unsearchable_reason
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from hashing.search.query import version_of

UPLOAD = "admin/hashing/search/upload.html"
RESULTS = "admin/hashing/search/results.html"


class SearchResults(NamedTuple):
    """The matches that a page shows, and why hashes were not compared, if so."""

    unsearchable: UnsearchableReason | None = None
    page: MatchPage | None = None


class SearchViews:
    """Search among the images of a ModelAdmin: by one of them, by an upload, and by the hashes of an upload."""

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin
        self.site = model_admin.admin_site

    def urls(self) -> list[URLPattern]:
        return [path("similar/", self.site.admin_view(self.search_by_hash), name="hashing_imageasset_similar")]

    @method_decorator(require_safe)
    def find_similar(self, request: HttpRequest, pk: int) -> HttpResponse:
        asset = self.model_admin.get_queryset(request).filter(pk=pk).first()
        if not self.model_admin.has_view_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        is_framed = asset.inside_quality is not None
        form = SearchForm.of(request.GET, self.model_admin.get_queryset(request), is_framed=is_framed)
        attach_owners([asset], request, self.site)
        context = {
            "query_image": Card(asset, preview_html(asset, LARGE, self.site)),
            "error": short_error(asset.hash_error),
            "is_stale": version_of(asset) != HASH_VERSION,
        }
        return self._results_page(request, _("Find similar"), form, asset, **context)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def search_by_image(self, request: HttpRequest) -> HttpResponse:
        if not self.model_admin.has_view_permission(request):
            raise PermissionDenied
        form = SearchUploadForm(request.POST, request.FILES) if request.method == "POST" else SearchUploadForm()
        if form.is_valid():
            query = HashForm.address_query(form.cleaned_data["image"])
            return redirect(admin_url(self.site, "imageasset_similar", query=query))
        return admin_page(self.model_admin, request, UPLOAD, _("Search by image"), form=form)

    @method_decorator(require_safe)
    def search_by_hash(self, request: HttpRequest) -> HttpResponse:
        if not self.model_admin.has_view_permission(request):
            raise PermissionDenied
        is_framed = bool(request.GET.get("inside_quality"))
        form = HashForm.of(request.GET, self.model_admin.get_queryset(request), is_framed=is_framed)
        query = form.unsaved_asset() if form.is_valid() else None
        return self._results_page(request, _("Search by image"), form, query)

    def _results_page(
        self, request: HttpRequest, title: str, form: SearchForm, query: ImageAsset | None, **context: object
    ) -> HttpResponse:
        results = self._search(request, form, query) if query and form.is_valid() else SearchResults()
        context |= {"form": form, "may_change": self.model_admin.has_change_permission(request)}
        return admin_page(self.model_admin, request, RESULTS, title, **context, **results._asdict())

    def _search(self, request: HttpRequest, form: SearchForm, query: ImageAsset) -> SearchResults:
        options = {name: form.cleaned_data[name] for name in ("any_orientation", "include_low_quality")}
        unsearchable = unsearchable_reason(query, include_low_quality=options["include_low_quality"])
        if unsearchable == UnsearchableReason.BAD_HASH:
            return SearchResults(unsearchable)
        rows: Any = self.model_admin.get_queryset(request)
        matches = rows.similar_to(query, form.cleaned_data["distance"], **options)
        page = MatchPage.of(matches, page_number(request.GET.get("page", "1")), self.site)
        attach_owners((card.asset for card in page.cards), request, self.site)
        return SearchResults(unsearchable, page)
