"""The duplicates of an image, and what belongs together with it, on the pages of the images."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import ngettext, ngettext_lazy

from hashing.admin.capped_count import CappedCount
from hashing.admin.links import admin_url, linked_names
from hashing.admin.review.visible_groups import as_visible, open_groups
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup, ImageAsset, PairDecision

# Open groups are counted up to this.
MAX_COUNTED = 1000
GROUPS_TO_REVIEW = ngettext_lazy(
    "%(count)s group of duplicates to review", "%(count)s groups of duplicates to review", "rows"
)
# Images that the page of an image names as belonging together with it.
MAX_RELATED = 20


def may_see_groups(request: HttpRequest, site: AdminSite) -> bool:
    """Return whether this site has groups of duplicates and the user may see them."""
    if not site.is_registered(DuplicateGroup):
        return False
    return bool(site.get_model_admin(DuplicateGroup).has_view_or_change_permission(request))


def groups_to_review(request: HttpRequest, site: AdminSite) -> str:
    """Return the text of the link to the open groups; empty if there are none or the user may not see them."""
    if not may_see_groups(request, site):
        return ""
    groups = site.get_model_admin(DuplicateGroup).get_queryset(request)
    counted = CappedCount.of(open_groups(groups), MAX_COUNTED)
    return counted.describe(GROUPS_TO_REVIEW) if counted.rows else ""


def attach_group(asset: Any, request: HttpRequest, site: AdminSite) -> None:
    """Set `visible_group` of an image to the group of it that the user sees, None if there is none."""
    asset.visible_group = find_group(asset, request, site) if may_see_groups(request, site) else None


def find_group(asset: ImageAsset, request: HttpRequest, site: AdminSite) -> DuplicateGroup | None:
    groups = site.get_model_admin(DuplicateGroup).get_queryset(request)
    group = groups.filter(members__asset=asset.pk).first()
    return as_visible(group) if group else None


def link_to_group(asset: ImageAsset, site: AdminSite) -> str | None:
    group: DuplicateGroup | None = getattr(asset, "visible_group", None)
    if group is None:
        return None
    url, others = admin_url(site, "duplicategroup_of", asset.pk), group.size - 1
    text = ngettext("%(count)d other image seems to be the same", "%(count)d other images seem to be the same", others)
    return format_html('<a href="{}">{}</a>', url, text % {"count": others})


def attach_related(asset: Any, request: HttpRequest, site: AdminSite) -> None:
    """Set `visible_related` of an image to the images that it belongs together with and that the user sees.

    They are MAX_RELATED at most, and one more if there are others.
    """
    asset.visible_related = []
    if may_see_groups(request, site):
        related = PairDecision.objects.in_force().filter(verdict=PairDecision.Verdict.RELATED)
        keys = related.filter(lower=asset.pk).values("higher"), related.filter(higher=asset.pk).values("lower")
        images = ImageAccess(request, site).images.filter(Q(pk__in=keys[0]) | Q(pk__in=keys[1])).order_by("pk")
        asset.visible_related = list(images[: MAX_RELATED + 1])


def link_to_related(asset: ImageAsset, site: AdminSite) -> str | None:
    related: list[ImageAsset] = getattr(asset, "visible_related", [])
    return linked_names(related[:MAX_RELATED], site, more=len(related) > MAX_RELATED) if related else None
