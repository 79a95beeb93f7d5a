"""The stored files of images, for pages that show them at full size. See docs/security.md for what a browser gets."""

from __future__ import annotations

import io
import logging
from contextlib import ExitStack, nullcontext
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hashing.admin.links import admin_url
from hashing.admin.previews import secured
from hashing.conf import page_limits
from hashing.fingerprint.limits import DecodingLimit, DecodingLimits, FileTooLarge
from hashing.models import ImageAsset
from hashing.previews.location import preview_digest
from hashing.stored_files.availability import is_local
from hashing.text import first_line, printable
from hashing.workers.decoder import DecoderBusy
from hashing.workers.page_decoding import make_thumbnail, read_header
from hashing.workers.storages import local_copy

logger = logging.getLogger(__name__)


class BrowserFormat(NamedTuple):
    content_type: str
    suffix: str


# By the name that Pillow has for them. The other formats are sent as a JPEG.
BROWSER_FORMATS = {
    "JPEG": BrowserFormat("image/jpeg", ".jpg"),
    "MPO": BrowserFormat("image/jpeg", ".jpg"),
    "PNG": BrowserFormat("image/png", ".png"),
    "GIF": BrowserFormat("image/gif", ".gif"),
    "WEBP": BrowserFormat("image/webp", ".webp"),
    "AVIF": BrowserFormat("image/avif", ".avif"),
    "BMP": BrowserFormat("image/bmp", ".bmp"),
}
# Pixels that a browser decodes: half a gigabyte of its memory.
MAX_BROWSER_PIXELS = 128_000_000
# Longest sides of a rendering. Only a JPEG costs less when it is to be smaller.
RENDERING_SIDES = (8192, 4096, 3000, 2000, 1500, 1000, 700)
ORIGINAL_MAX_AGE = 3600


def original_url(asset: ImageAsset, site: AdminSite) -> str:
    """Return the address of the stored file, which changes with the file; empty for a row without one."""
    if not asset.image.name:
        return ""
    return admin_url(site, "imageasset_original", asset.pk, query={"v": preview_digest(asset)[:12]})


class OriginalView:
    """Serves the files of the images that a ModelAdmin shows to the user."""

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        view = self.model_admin.admin_site.admin_view(require_safe(self.original), cacheable=True)
        return [path("<int:pk>/original/", view, name="hashing_imageasset_original")]

    def original(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Return the file, or a JPEG of it if browsers do not show it or `rendering` asks for that.

        Without either, the response is a text that says why.
        """
        asset = self.model_admin.get_queryset(request).filter(pk=pk).first()
        if not self.model_admin.has_view_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        try:
            return respond(asset, wants_rendering="rendering" in request.GET)
        except FileNotFoundError:
            return refused(_("The file is missing."), 404)
        except DecoderBusy as error:
            return refused(str(error), 503)
        except (ValueError, MemoryError, FileTooLarge) as error:
            return refused(_("The file cannot be shown: %(reason)s") % {"reason": first_line(error)}, 404)
        # Storages raise anything.
        except Exception as error:
            logger.info("The file of asset %s could not be read: %s", pk, first_line(error))
            return refused(_("The file cannot be read."), 404)


def refused(reason: str, status: int) -> HttpResponse:
    return secured(HttpResponse(reason, content_type="text/plain; charset=utf-8", status=status), 0)


def respond(asset: ImageAsset, *, wants_rendering: bool) -> HttpResponseBase:
    limits, storage, name = page_limits(), asset.image.storage, asset.image.name or ""
    opening = nullcontext(storage.path(name)) if is_local(storage) else local_copy(storage, name, limits.max_bytes)
    # Imports Pillow, which would slow down every start of Django.
    from hashing.fingerprint.opening import open_regular_file

    with ExitStack() as stack:
        stored = stack.enter_context(opening)
        header = read_header(stored, limits)
        shown = BROWSER_FORMATS.get(header.file_format)
        if shown is None or wants_rendering or header.width * header.height > MAX_BROWSER_PIXELS:
            return render(stored, name, header.file_format, limits)
        file = open_regular_file(stored)
        return StoredFileResponse(file, stack.pop_all(), name, shown)


class StoredFileResponse(FileResponse):
    """Streams a file, closes it, and leaves the contexts in which it was available."""

    def __init__(self, file: BinaryIO, contexts: ExitStack, name: str, kind: BrowserFormat) -> None:
        super().__init__(file, content_type=kind.content_type, filename=safe_name(name, kind.suffix))
        self.contexts = contexts
        secured(self, ORIGINAL_MAX_AGE)

    def close(self) -> None:
        super().close()
        self.contexts.close()


def render(stored: str, name: str, file_format: str, limits: DecodingLimits) -> HttpResponseBase:
    """Return the largest JPEG that the limits allow, upright and on white. Raise the errors of `make_thumbnail`."""
    content = make_rendering(stored, RENDERING_SIDES if file_format == "JPEG" else RENDERING_SIDES[:1], limits)
    kind = BROWSER_FORMATS["JPEG"]
    filename = safe_name(name, f"-{_('rendering')}{kind.suffix}")
    return secured(
        FileResponse(io.BytesIO(content), content_type=kind.content_type, filename=filename), ORIGINAL_MAX_AGE
    )


def make_rendering(stored: str, sides: tuple[int, ...], limits: DecodingLimits) -> bytes:
    for side in sides[:-1]:
        try:
            return make_thumbnail(stored, side, limits)
        except DecoderBusy:
            raise
        except DecodingLimit:
            continue
    return make_thumbnail(stored, sides[-1], limits)


def safe_name(name: str, suffix: str) -> str:
    """Return the name under which a browser saves the file: with the suffix of its content, whatever it has."""
    return f"{printable(PurePosixPath(name).stem) or 'image'}{suffix}"
