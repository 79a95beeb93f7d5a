"""The admin sites that show images, by their names: Django tells templates the name alone, and so do tasks."""

from __future__ import annotations

from weakref import WeakSet

from django.contrib.admin import AdminSite

from hashing.models import ImageAsset

_sites = WeakSet[AdminSite]()


def remember_site(site: AdminSite) -> None:
    """Let `sites_named` know a site, for which a ModelAdmin of images was made."""
    _sites.add(site)


def sites_named(name: str | None) -> list[AdminSite]:
    """Return the sites with this name in which images are registered; nothing forbids two of one name."""
    return [site for site in _sites if site.name == name and site.is_registered(ImageAsset)]
