from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hashing.models import ImageAsset


def linked_names(assets: Iterable[ImageAsset], *, more: bool) -> SafeString:
    """The file names, separated by commas, each with a link to its form."""
    pairs = ((reverse("admin:hashing_imageasset_change", args=(asset.pk,)), str(asset)) for asset in assets)
    names = format_html_join(", ", '<a href="{}">{}</a>', pairs)
    return format_html("{} {}", names, _("and more")) if more else names
