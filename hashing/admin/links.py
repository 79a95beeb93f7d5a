from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hashing.models import ImageAsset


def admin_url(site: AdminSite, name: str, *args: Any, query: dict[str, Any] | None = None) -> str:
    """Return the address of a page such as "imageasset_change" in this site; empty if its model is not registered."""
    try:
        return reverse(f"admin:hashing_{name}", args=args, query=query, current_app=site.name)
    except NoReverseMatch:
        return ""


def link_or_text(address: str, text: object) -> SafeString:
    """Return a link, or only the text if there is no address. The text does not change the direction around it."""
    html = '<a href="{0}"><bdi>{1}</bdi></a>' if address else "<bdi>{1}</bdi>"
    return format_html(html, address, text)


def linked_names(
    assets: Iterable[ImageAsset], site: AdminSite, *, more: bool, note: Callable[[ImageAsset], str] | None = None
) -> SafeString:
    """Return the file names of some images, each with a link to its form, and "and more" if there are others.

    `note` returns what is said about an image in brackets, if anything.
    """
    links = []
    for asset in assets:
        link = link_or_text(admin_url(site, "imageasset_change", asset.pk), asset)
        text = note(asset) if note else ""
        links.append((format_html("{} ({})", link, text) if text else link,))
    names = format_html_join(", ", "{}", links)
    return format_html("{} {}", names, _("and more")) if more else names


def admin_page(model_admin: Any, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """Return a page within the frame of the admin: its menu, its theme and the breadcrumbs."""
    request.current_app = model_admin.admin_site.name
    frame = model_admin.admin_site.each_context(request)
    page = {**frame, "opts": model_admin.opts, "title": title, "media": model_admin.media}
    return TemplateResponse(request, template, page | context)
