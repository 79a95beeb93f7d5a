"""What the list and the form show of a row."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hashing.models import ImageAsset

SHOWN_ERROR = 120


class Columns:
    @admin.display(description=_("file name"), ordering="image")
    def name(self, asset: ImageAsset) -> str:
        path = PurePosixPath(asset.image.name or "")
        folder = "" if path.parent == PurePosixPath() else f"{path.parent}/"
        return format_html('<span class="hashing-folder"><bdi>{}</bdi></span> <bdi>{}</bdi>', folder, path.name or "-")

    @admin.display(description=_("size"))
    def pixels_and_bytes(self, asset: ImageAsset) -> str | None:
        facts = [fact for fact in (self.pixels(asset), self.size(asset)) if fact]
        if not facts:
            return None
        # Also where people write from right to left.
        html = '<bdi dir="ltr">{}</bdi>'
        return format_html_join(SafeString("<br> "), html, ((fact,) for fact in facts))

    @admin.display(description=_("pixels"))
    def pixels(self, asset: ImageAsset) -> str | None:
        return f"{asset.width}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{asset.height}" if asset.width else None  # noqa: RUF001

    @admin.display(description=_("bytes"))
    def size(self, asset: ImageAsset) -> str | None:
        return None if asset.file_size is None else filesizeformat(asset.file_size)

    @admin.display(description=_("hash"), ordering="perceptual_hash")
    def hash(self, asset: ImageAsset) -> str | None:
        return _monospace(asset.perceptual_hash)

    @admin.display(description=_("vertical hash"))
    def second_hash(self, asset: ImageAsset) -> str | None:
        return _monospace(asset.vertical_hash)

    @admin.display(description=_("state"))
    def state(self, asset: ImageAsset) -> str:
        if asset.hash_error:
            reason = short_reason(asset.hash_error)
            return _badge("failed", gettext("failed"), reason)
        if asset.perceptual_hash is None:
            return _badge("waiting", gettext("waiting"))
        return _badge("hashed", gettext("hashed"))

    @admin.display(description=_("added"), ordering="created_at")
    def added(self, asset: ImageAsset) -> str:
        added = localtime(asset.created_at) if is_aware(asset.created_at) else asset.created_at
        return date_format(added, "SHORT_DATE_FORMAT")


def _monospace(text: str | None) -> str | None:
    return format_html('<code class="hashing-hash">{}</code>', text) if text else None


def _badge(kind: str, text: str, reason: str = "") -> str:
    badge = format_html('<span class="hashing-badge hashing-{}">{}</span>', kind, text)
    return format_html('{} <span class="hashing-reason"><bdi>{}</bdi></span>', badge, reason) if reason else badge


def short_reason(error: str) -> str:
    """Without what every error of a decoder begins with, and not longer than a cell of the list can take."""
    reason = error.removeprefix("ValueError: ").removeprefix("Failed to process image: ")
    return reason if len(reason) <= SHOWN_ERROR else f"{reason[:SHOWN_ERROR]}…"
