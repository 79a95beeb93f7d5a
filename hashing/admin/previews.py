from __future__ import annotations

import logging
from typing import Any, TypeVar

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hashing.admin.links import admin_url
from hashing.models import ImageAsset
from hashing.previews.location import preview_digest, preview_type
from hashing.previews.reading import read_preview
from hashing.text import first_line

logger = logging.getLogger(__name__)

Response = TypeVar("Response", bound=HttpResponseBase)

# Longest sides in pixels. The list shows SMALL at half its size, for screens with two pixels to a point.
SMALL, LARGE, FULL = 160, 640, 1280
PLACEHOLDER = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 60"><rect width="80" height="60" rx="4" fill="#8884"/>'
    '<path d="M26 20h28v20H26zl28 20m0-20L26 40" fill="none" stroke="#888" stroke-width="2"/></svg>'
)
PREVIEW_MAX_AGE, PLACEHOLDER_MAX_AGE = 7 * 24 * 3600, 60


def preview_html(asset: ImageAsset, side: int, site: AdminSite, alt: str = "") -> str:
    """Return the `<img>` of a preview, or a text where there is none. `alt` is read where no text names it."""
    url = preview_url(asset, side, site)
    if not url:
        return format_html('<span class="hashing-no-preview">{}</span>', _("no preview"))
    html = '<img src="{}" loading="lazy" decoding="async" alt="{}" class="{}">'
    return format_html(html, url, alt, preview_classes(asset, side))


def preview_classes(asset: ImageAsset, side: int) -> str:
    classes = f"hashing-preview hashing-preview--{'small' if side == SMALL else 'large'}"
    return f"{classes} hashing-preview--transparent" if asset.is_transparent else classes


def preview_url(asset: ImageAsset, side: int, site: AdminSite) -> str:
    """Return the address of a preview; empty for files that are missing or cannot be decoded."""
    if asset.hash_error or not asset.image.name:
        return ""
    return admin_url(site, "imageasset_preview", asset.pk, side, query={"v": preview_digest(asset)[:12]})


class PreviewView:
    """Serves the previews of the images that a ModelAdmin shows to the user."""

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        view = self.model_admin.admin_site.admin_view(require_safe(self.preview), cacheable=True)
        return [path("<int:pk>/preview/<int:side>/", view, name="hashing_imageasset_preview")]

    def preview(self, request: HttpRequest, pk: int, side: int) -> HttpResponse:
        """Return the stored preview, a new one, or a placeholder. Writes no row."""
        asset = self.model_admin.get_queryset(request).filter(pk=pk).first()
        if not self.model_admin.has_view_permission(request, asset):
            raise PermissionDenied
        if asset is None or side not in (SMALL, LARGE, FULL):
            raise Http404
        try:
            content = read_preview(asset, side)
        # Decoders and storages raise anything; the page around the image must not suffer from it.
        except Exception as error:
            logger.info("No preview of asset %s: %s", pk, first_line(error))
            return secured(HttpResponse(PLACEHOLDER, content_type="image/svg+xml"), PLACEHOLDER_MAX_AGE)
        return secured(HttpResponse(content, content_type=preview_type(asset)), PREVIEW_MAX_AGE)


def secured(response: Response, max_age: int) -> Response:
    """Set headers that forbid scripts, other content types and shared caches."""
    response["Content-Security-Policy"] = "default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = f"private, max-age={max_age}"
    return response
