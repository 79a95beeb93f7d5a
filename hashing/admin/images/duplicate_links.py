"""From the pictures to the groups that they are in, for those who may see groups."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.admin.links import admin_url
from hashing.models import DuplicateGroup, GroupMember, ImageAsset

# Groups that are counted; more are "over" so many.
MOST_COUNTED = 1000


def may_see_groups(request: HttpRequest, site: AdminSite) -> bool:
    """Whether this site has groups of duplicates, and shows them to this user."""
    if not site.is_registered(DuplicateGroup):
        return False
    return bool(site.get_model_admin(DuplicateGroup).has_view_or_change_permission(request))


def groups_to_review(request: HttpRequest, site: AdminSite) -> str:
    """In words, for the link above the list; empty when there is nothing to see."""
    if not may_see_groups(request, site):
        return ""
    count = DuplicateGroup.objects.open().order_by()[: MOST_COUNTED + 1].count()
    if count > MOST_COUNTED:
        return _("over %(count)d groups of duplicates to review") % {"count": MOST_COUNTED}
    text = ngettext("%(count)d group of duplicates to review", "%(count)d groups of duplicates to review", count)
    return text % {"count": count} if count else ""


def link_to_group(asset: ImageAsset, site: AdminSite) -> str | None:
    member = GroupMember.objects.filter(asset=asset.pk).select_related("group").first()
    if member is None:
        return None
    url = admin_url(site, "duplicategroup_of", asset.pk)
    others = member.group.size - 1
    text = ngettext(
        "%(count)d other picture seems to be the same", "%(count)d other pictures seem to be the same", others
    )
    return format_html('<a href="{}">{}</a>', url, text % {"count": others})
