"""What is said after an upload: what came of the hash, and where the same picture is already."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _

from hashing.admin.duplicate_links import may_see_groups
from hashing.admin.links import admin_url, linked_names
from hashing.models import GroupMember, ImageAsset

MOST_NAMED = 5


def tell_about_upload(request: HttpRequest, asset: ImageAsset, site: AdminSite) -> None:
    """`asset` as it is in the database now."""
    if asset.hash_error:
        messages.warning(request, _("The picture could not be hashed: %(reason)s") % {"reason": asset.hash_error})
    elif asset.perceptual_hash is None:
        messages.info(request, _("The picture will be hashed later."))
    if same := list(ImageAsset.objects.similar_to(asset)[: MOST_NAMED + 1]):
        links = linked_names(same[:MOST_NAMED], site, more=len(same) > MOST_NAMED)
        text = format_html(_("The same picture seems to be here already: {}"), links)
        messages.warning(request, format_html('{} (<a href="{}">{}</a>)', text, *_more(request, asset, site)))


def _more(request: HttpRequest, asset: ImageAsset, site: AdminSite) -> tuple[str, str]:
    """An address and its name: of the group that the picture has joined, for those who may see groups."""
    if may_see_groups(request, site) and GroupMember.objects.filter(asset=asset.pk).exists():
        return admin_url(site, "duplicategroup_of", asset.pk), _("review them")
    return admin_url(site, "imageasset_find_similar", asset.pk), _("show them")
