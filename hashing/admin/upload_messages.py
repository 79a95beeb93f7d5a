"""What is said after an upload: what came of the hash, and where the same picture is already."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from hashing.admin.duplicate_links import may_see_groups
from hashing.admin.links import linked_names
from hashing.models import GroupMember, ImageAsset

MOST_NAMED = 5


def tell_about_upload(request: HttpRequest, asset: ImageAsset) -> None:
    """`asset` as it is in the database now."""
    if asset.hash_error:
        messages.warning(request, _("The picture could not be hashed: %(reason)s") % {"reason": asset.hash_error})
    elif asset.perceptual_hash is None:
        messages.info(request, _("The picture will be hashed later."))
    if same := list(ImageAsset.objects.similar_to(asset)[: MOST_NAMED + 1]):
        links = linked_names(same[:MOST_NAMED], more=len(same) > MOST_NAMED)
        text = format_html(_("The same picture seems to be here already: {}"), links)
        messages.warning(request, format_html('{} (<a href="{}">{}</a>)', text, *_more(request, asset)))


def _more(request: HttpRequest, asset: ImageAsset) -> tuple[str, str]:
    """An address and its name: of the group that the picture has joined, for those who may see groups."""
    if may_see_groups(request) and GroupMember.objects.filter(asset=asset.pk).exists():
        return reverse("admin:hashing_duplicategroup_of", args=(asset.pk,)), _("review them")
    return reverse("admin:hashing_imageasset_find_similar", args=(asset.pk,)), _("show them")
