from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePosixPath

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hashing.admin.links import admin_url
from hashing.admin.previews import SMALL, preview_html
from hashing.grouping.decision_log import local_time
from hashing.models import ImageAsset

# The columns of the list of images: attributes of `ImageAssetAdmin`.
LIST_DISPLAY = ("preview", "name", "pixels_and_bytes", "hash", "state", "added")
MAX_ERROR_LENGTH = 120


@admin.display(description=_("file name"), ordering="image")
def name(asset: ImageAsset) -> str:
    path = PurePosixPath(asset.image.name or "")
    folder = "" if path.parent == PurePosixPath() else f"{path.parent}/"
    # A line may end after each slash.
    parts = format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in re.findall("[^/]*/", folder)))
    return format_html('<span class="hashing-folder"><bdi>{}</bdi></span> <bdi>{}</bdi>', parts, path.name or "-")


@admin.display(description=_("size"))
def pixels_and_bytes(asset: ImageAsset) -> str | None:
    lines = [(line,) for line in (pixels(asset), size(asset)) if line]
    # Left to right in every language.
    return format_html_join(SafeString("<br> "), '<bdi dir="ltr">{}</bdi>', lines) if lines else None


@admin.display(description=_("pixels"))
def pixels(asset: ImageAsset) -> str | None:
    return f"{asset.width}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{asset.height}" if asset.width else None  # noqa: RUF001


@admin.display(description=_("bytes"))
def size(asset: ImageAsset) -> str | None:
    return None if asset.file_size is None else filesizeformat(asset.file_size)


@admin.display(description=_("hash"), ordering="perceptual_hash")
def hash_text(asset: ImageAsset) -> str | None:
    return monospace(asset.perceptual_hash)


@admin.display(description=_("vertical hash"))
def vertical_hash_text(asset: ImageAsset) -> str | None:
    return monospace(asset.vertical_hash)


@admin.display(description=_("state"))
def state(asset: ImageAsset) -> str:
    if asset.hash_error:
        html = '{} <span class="hashing-error"><bdi>{}</bdi></span>'
        return format_html(html, badge("failed", gettext("failed")), short_error(asset.hash_error))
    if asset.perceptual_hash is None:
        return badge("waiting", gettext("waiting"))
    return badge("hashed", gettext("hashed"))


@admin.display(description=_("added"), ordering="created_at")
def added(asset: ImageAsset) -> str:
    return date_format(local_time(asset.created_at), "SHORT_DATE_FORMAT")


def image_cell(asset: ImageAsset, site: AdminSite, role: object = "") -> SafeString:
    """Return an image with its name and size, for a row that has two of them. `role` says which one it is."""
    url = admin_url(site, "imageasset_change", asset.pk)
    context = {"asset": asset, "preview": preview_html(asset, SMALL, site), "url": url, "role": role}
    return render_to_string("admin/hashing/image_cell.html", context)


def decided_html(who: object, when: datetime) -> SafeString:
    return render_to_string("admin/hashing/decided.html", {"who": who, "when": when})


def monospace(text: str | None) -> str | None:
    return format_html('<code class="hashing-hash">{}</code>', text) if text else None


def badge(kind: str, text: str) -> str:
    return format_html('<span class="hashing-badge hashing-badge--{}">{}</span>', kind, text)


def short_error(error: str) -> str:
    """Strip the common prefix of decoding errors and truncate for a cell of a list."""
    reason = error.removeprefix("ValueError: ").removeprefix("Failed to process image: ")
    return reason if len(reason) <= MAX_ERROR_LENGTH else f"{reason[:MAX_ERROR_LENGTH]}…"
