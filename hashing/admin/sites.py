from __future__ import annotations

from weakref import WeakSet

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from hashing.models import ImageAsset

# Django tells a template the name of the site, but not the site.
_sites = WeakSet[AdminSite]()


def remember_site(site: AdminSite) -> None:
    """Let `find_site` know a site, for which a ModelAdmin of the app was made."""
    _sites.add(site)


def find_site(request: HttpRequest) -> AdminSite | None:
    """Return the site of a page of the admin, if it shows images."""
    name = getattr(request, "current_app", None)
    return next((site for site in _sites if site.name == name and site.is_registered(ImageAsset)), None)
