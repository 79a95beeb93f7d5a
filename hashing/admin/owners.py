from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.db import router
from django.http import HttpRequest
from django.utils.text import Truncator, capfirst

from hashing.fingerprint.orientations import Orientation
from hashing.indexing.owners import Owner, find_owners, has_row_permission
from hashing.models import ImageAsset
from hashing.models.duplicates import ORIENTATION_LABELS
from hashing.sources.source import links_within
from hashing.text import printable

logger = logging.getLogger(__name__)

MAX_TEXT = 80


@dataclass(frozen=True)
class OwnerLink:
    """The kind of the row; its text and the page on which it is changed for those who may see it."""

    kind: str
    text: str = ""
    url: str | None = None


def attach_owners(assets: Iterable[Any], request: HttpRequest, site: AdminSite) -> None:
    """Set `owners` of each asset, as `admin/hashing/owners.html` shows them: a query a source, however many assets."""
    chosen = list(assets)
    if not any(asset.source_type for asset in chosen):
        return
    found = find_owners(chosen, router.db_for_read(ImageAsset))
    with links_within(site.name):
        for asset in chosen:
            asset.owners = [_shown(owner, request, site) for owner in found.get(asset.pk, ())]


def may_view(owner: Owner, request: HttpRequest, site: AdminSite) -> bool:
    return _is_permitted("view", owner, request, site)


def may_delete(owner: Owner, request: HttpRequest, site: AdminSite) -> bool:
    return _is_permitted("delete", owner, request, site)


def _is_permitted(action: str, owner: Owner, request: HttpRequest, site: AdminSite) -> bool:
    """Ask the admin of the row's model; without one, the permissions of the user for the model and for the row."""
    if site.is_registered(type(owner.row)):
        model_admin = site.get_model_admin(type(owner.row))
        return bool(getattr(model_admin, f"has_{action}_permission")(request, owner.row))
    return has_row_permission(request.user, action, owner.row)


def _shown(owner: Owner, request: HttpRequest, site: AdminSite) -> OwnerLink:
    kind = str(capfirst(owner.source.model._meta.verbose_name))
    if not may_view(owner, request, site):
        return OwnerLink(kind)
    try:
        text, url = str(owner.row), owner.source.url(owner.row)
    # Methods of the site's own, which may fail for one row: the page is about the others as well.
    except Exception:
        logger.exception("A row cannot be shown: %s", printable(str(owner.source.key_of(owner.row))))
        text, url = str(owner.row.pk), None
    return OwnerLink(kind, Truncator(printable(text)).chars(MAX_TEXT), url)


@dataclass(frozen=True)
class Card:
    """`preview` is HTML. The rest is about a match: the distance, and how the picture lies when not upright."""

    asset: ImageAsset
    preview: str
    distance: int | None = None
    orientation: str = ""

    @classmethod
    def of_match(cls, row: Any, preview: str) -> Card:
        """`row` as `similar_to()` annotates it."""
        orientation = getattr(row, "orientation", None) or Orientation.UPRIGHT
        label = "" if orientation == Orientation.UPRIGHT else str(ORIENTATION_LABELS[Orientation(orientation)])
        return cls(row, preview, row.distance, label)
