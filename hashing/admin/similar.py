"""The pictures that are like a given one: like a picture of the site, or like hashes that stand in the address."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from hashing.admin.cards import Card
from hashing.admin.columns import short_reason
from hashing.admin.matches import PageOfMatches, page_number
from hashing.admin.obstacles import Obstacle, find_obstacle
from hashing.admin.owners import show_owners
from hashing.admin.pages import admin_page
from hashing.admin.previews import PreviewView
from hashing.admin.similar_form import HashForm, SearchForm
from hashing.models import ImageAsset

TEMPLATE = "admin/hashing/similar.html"


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
        show_owners([asset], request, self.admin_site)
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
        return admin_page(self, request, TEMPLATE, title, may_change=may_change, **context)

    def _search(self, request: HttpRequest, form: SearchForm, source: ImageAsset) -> dict[str, Any]:
        """What the page says of the search: its cards, and why the hashes were not compared, if so."""
        options = {name: form.cleaned_data[name] for name in ("any_orientation", "include_low_quality")}
        obstacle = find_obstacle(source, include_low_quality=options["include_low_quality"])
        if obstacle == Obstacle.BAD_HASH:
            return {"obstacle": obstacle}
        rows: Any = self.get_queryset(request)
        found = rows.similar_to(source, form.cleaned_data["distance"], **options)
        page = PageOfMatches.of(found, page_number(request.GET.get("page", "1")))
        show_owners(page.rows, request, self.admin_site)
        cards = [Card.of_match(row, self.large_preview(row)) for row in page.rows]
        return {"obstacle": obstacle, "page": page, "cards": cards}
