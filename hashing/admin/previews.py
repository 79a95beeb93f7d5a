"""Small copies of the pictures: made when they are first looked at, and kept in the storage.

django-imagekit keeps them. How a picture is read is our own: with the formats and the limit of the hash, because its
reader opens whatever Pillow knows, programs in PostScript included.
"""

from __future__ import annotations

import hashlib
import logging
from io import BytesIO
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from imagekit import ImageSpec
from imagekit.cachefiles import ImageCacheFile
from imagekit.cachefiles.backends import CacheFileState, Simple

from hashing.conf import hashing_settings
from hashing.models import ImageAsset
from hashing.pixels import read_thumbnail
from hashing.text import first_line

logger = logging.getLogger(__name__)

# Longest sides in pixels; the list shows its own at half that, for screens with two pixels to a point.
SMALL, LARGE, FULL = 160, 640, 1280
# Hidden: no import takes its files for pictures of the site.
FOLDER = ".previews"
PLACEHOLDER = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 60"><rect width="80" height="60" rx="4" fill="#8884"/>'
    '<path d="M26 20h28v20H26zl28 20m0-20L26 40" fill="none" stroke="#888" stroke-width="2"/></svg>'
)
SECONDS_KEPT, SECONDS_TILL_RETRY = 7 * 24 * 3600, 60


class AskStorage(Simple):  # type: ignore[misc]
    """Whether a preview exists is asked of the storage: a remembered answer outlives deleted files and failed tries."""

    def get_state(self, file: Any, check_if_unknown: bool = True) -> str:  # noqa: FBT001, FBT002
        return str(CacheFileState.EXISTS if self._exists(file) else CacheFileState.DOES_NOT_EXIST)

    def set_state(self, file: Any, state: str) -> None:
        pass


class Preview(ImageSpec):  # type: ignore[misc]
    """A JPEG of the asset's picture whose longer side is at most `side` pixels."""

    cachefile_backend = AskStorage()

    def __init__(self, asset: ImageAsset, side: int) -> None:
        super().__init__(source=asset.image)
        self._digest = digest(asset)
        self._side = side

    @property
    def cachefile_name(self) -> str:
        return f"{FOLDER}/{self._digest}-{self._side}.jpg"

    def generate(self) -> ContentFile[bytes]:
        """Raises `ValueError` for what is no picture, and whatever the storage raises."""
        with self.source.storage.open(self.source.name, "rb") as file:
            image = read_thumbnail(file, self._side, hashing_settings().MAX_PIXELS)
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=82)
        return ContentFile(buffer.getvalue())


def digest(asset: ImageAsset) -> str:
    """Another one for another file, under the same name too."""
    text = f"{asset._meta.label} {asset.image.name} {asset.perceptual_hash} {asset.file_size}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def preview_image(asset: ImageAsset, side: int) -> str:
    """The element that shows it, or says that there is none."""
    address = preview_address(asset, side)
    if not address:
        return format_html('<span class="hashing-no-preview">{}</span>', gettext("no preview"))
    kind = "small" if side == SMALL else "large"
    html = '<img src="{}" loading="lazy" decoding="async" alt="" class="hashing-preview hashing-{}">'
    return format_html(html, address, kind)


def preview_address(asset: ImageAsset, side: int) -> str:
    """Empty where there can be no preview."""
    if asset.hash_error or not asset.image.name:
        return ""
    return f"{reverse('admin:hashing_imageasset_preview', args=(asset.pk, side))}?v={digest(asset)[:12]}"


class Previews(admin.ModelAdmin):  # type: ignore[type-arg]
    @admin.display(description=_("preview"))
    def preview(self, asset: ImageAsset) -> str:
        return preview_image(asset, SMALL)

    @admin.display(description=_("preview"))
    def large_preview(self, asset: ImageAsset) -> str:
        return preview_image(asset, LARGE)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(self.preview_view), cacheable=True)
        return [path("<int:pk>/preview/<int:side>/", view, name="hashing_imageasset_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int, side: int) -> HttpResponse:
        """The cached preview, or a placeholder when there can be none. Changes no row."""
        asset = self.get_queryset(request).filter(pk=pk).first()
        if not self.has_view_permission(request, asset):
            raise PermissionDenied
        if asset is None or side not in (SMALL, LARGE, FULL):
            raise Http404
        try:
            content = _stored_preview(Preview(asset, side))
        # A hostile picture or a storage that does not answer must not break the page around it.
        except Exception as error:
            logger.info("No preview of asset %s: %s", pk, first_line(error))
            return _sealed(HttpResponse(PLACEHOLDER, content_type="image/svg+xml"), SECONDS_TILL_RETRY)
        return _sealed(HttpResponse(content, content_type="image/jpeg"), SECONDS_KEPT)


def _stored_preview(preview: Preview) -> bytes:
    cached = ImageCacheFile(preview)
    cached.generate()
    with cached.storage.open(cached.name, "rb") as file:
        return bytes(file.read())


def _sealed(response: HttpResponse, seconds: int) -> HttpResponse:
    """Nothing but a picture, whatever a browser makes of its content; kept by this user's browser alone."""
    response["Content-Security-Policy"] = "default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = f"private, max-age={seconds}"
    return response
