from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.db import router
from django.http import HttpRequest
from django.utils.text import Truncator, capfirst

from hashing.admin.visibility import find_hidden
from hashing.indexing.owners import Owner, find_owners, has_row_permission
from hashing.models import ImageAsset
from hashing.sources.source import links_within
from hashing.text import printable

logger = logging.getLogger(__name__)

MAX_TEXT = 80


@dataclass(frozen=True)
class OwnerLink:
    """The kind of an owner; for users who may view the row also its text and the page that changes it."""

    kind: str
    text: str = ""
    url: str | None = None


def attach_owners(assets: Iterable[Any], request: HttpRequest, site: AdminSite) -> None:
    """Set `owners` of each asset to its owner links, for the template `owners.html`, with one query for each source."""
    chosen = list(assets)
    if not any(asset.source_type for asset in chosen):
        return
    found = find_owners(chosen, router.db_for_read(ImageAsset))
    hidden = find_hidden((owner.row for owners in found.values() for owner in owners), request, site)
    with links_within(site.name):
        for asset in chosen:
            asset.owners = [
                owner_link(owner, request, site)
                for owner in found.get(asset.pk, ())
                if (type(owner.row), owner.row.pk) not in hidden
            ]


def owner_link(owner: Owner, request: HttpRequest, site: AdminSite) -> OwnerLink:
    kind = str(capfirst(owner.source.model._meta.verbose_name))
    if not is_permitted("view", owner, request, site):
        return OwnerLink(kind)
    try:
        text, url = str(owner.row), owner.source.url(owner.row)
    # Code of the site, which may fail for one row; the page shows others as well.
    except Exception:
        logger.exception("A row cannot be shown: %s", printable(str(owner.source.key_of(owner.row))))
        text, url = str(owner.row.pk), None
    return OwnerLink(kind, Truncator(printable(text)).chars(MAX_TEXT), url)


def is_permitted(action: str, owner: Owner, request: HttpRequest, site: AdminSite) -> bool:
    """Return whether the user may "view" or "delete" an owner, by its ModelAdmin or, without one, by permission."""
    if site.is_registered(type(owner.row)):
        model_admin = site.get_model_admin(type(owner.row))
        return bool(getattr(model_admin, f"has_{action}_permission")(request, owner.row))
    return has_row_permission(request.user, action, owner.row)
