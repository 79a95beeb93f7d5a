"""Previews of the images on the pages of the admin."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hashing.admin.links import admin_url
from hashing.models import ImageAsset
from hashing.previews import preview_digest, read_preview
from hashing.text import first_line

logger = logging.getLogger(__name__)

# Longest sides in pixels; the list shows its own at half that, for screens with two pixels to a point.
SMALL, LARGE, FULL = 160, 640, 1280
PLACEHOLDER = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 60"><rect width="80" height="60" rx="4" fill="#8884"/>'
    '<path d="M26 20h28v20H26zl28 20m0-20L26 40" fill="none" stroke="#888" stroke-width="2"/></svg>'
)
SECONDS_KEPT, SECONDS_TILL_RETRY = 7 * 24 * 3600, 60


def preview_html(asset: ImageAsset, side: int, site: AdminSite) -> str:
    """The element that shows it, or says that there is none."""
    address = preview_url(asset, side, site)
    if not address:
        return format_html('<span class="hashing-no-preview">{}</span>', gettext("no preview"))
    kind = "small" if side == SMALL else "large"
    html = '<img src="{}" loading="lazy" decoding="async" alt="" class="hashing-preview hashing-{}">'
    return format_html(html, address, kind)


def preview_url(asset: ImageAsset, side: int, site: AdminSite) -> str:
    """Empty where there can be no preview."""
    if asset.hash_error or not asset.image.name:
        return ""
    return admin_url(site, "imageasset_preview", asset.pk, side, query={"v": preview_digest(asset)[:12]})


class Previews:
    admin_site: AdminSite

    @admin.display(description=_("preview"))
    def preview(self, asset: ImageAsset) -> str:
        return preview_html(asset, SMALL, self.admin_site)

    @admin.display(description=_("preview"))
    def large_preview(self, asset: ImageAsset) -> str:
        return preview_html(asset, LARGE, self.admin_site)


class PreviewView(Previews, admin.ModelAdmin):  # type: ignore[type-arg]
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(self.preview_view), cacheable=True)
        return [path("<int:pk>/preview/<int:side>/", view, name="hashing_imageasset_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int, side: int) -> HttpResponse:
        """The stored preview, or a placeholder when there can be none. Changes no row."""
        asset = self.get_queryset(request).filter(pk=pk).first()
        if not self.has_view_permission(request, asset):
            raise PermissionDenied
        if asset is None or side not in (SMALL, LARGE, FULL):
            raise Http404
        try:
            content = read_preview(asset, side)
        # A hostile image or a storage that does not answer must not break the page around it.
        except Exception as error:
            logger.info("No preview of asset %s: %s", pk, first_line(error))
            return _sealed(HttpResponse(PLACEHOLDER, content_type="image/svg+xml"), SECONDS_TILL_RETRY)
        return _sealed(HttpResponse(content, content_type="image/jpeg"), SECONDS_KEPT)


def _sealed(response: HttpResponse, seconds: int) -> HttpResponse:
    """Nothing but an image, whatever a browser makes of its content; kept by this user's browser alone."""
    response["Content-Security-Policy"] = "default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = f"private, max-age={seconds}"
    return response
