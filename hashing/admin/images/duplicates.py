from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.admin.columns import short_error
from hashing.admin.hashing_actions.runs import describe_limit
from hashing.admin.links import admin_url, linked_names
from hashing.admin.review.history import log_messages
from hashing.admin.review.verdicts import DecidedImages, related_message
from hashing.admin.review.visible_groups import as_visible, open_groups
from hashing.admin.search.matches import (
    UnsearchableReason,
    find_in_any_orientation,
    match_label,
    unsearchable_reason,
)
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused
from hashing.grouping.decisions import decide_related_to
from hashing.models import DuplicateGroup, ImageAsset, PairDecision

# Open groups are counted up to this.
MAX_COUNTED = 1000
# Images that the message after an upload names.
MAX_NAMED = 5
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
    count = open_groups(groups).order_by()[: MAX_COUNTED + 1].count()
    if count > MAX_COUNTED:
        return _("over %(count)d groups of duplicates to review") % {"count": MAX_COUNTED}
    text = ngettext("%(count)d group of duplicates to review", "%(count)d groups of duplicates to review", count)
    return text % {"count": count} if count else ""


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


def keep_together(asset: ImageAsset, others: Iterable[ImageAsset], access: ImageAccess) -> None:
    """Decide that an upload and these images belong together, as far as the user may decide about them."""
    if not (access.site.is_registered(DuplicateGroup) and access.visible_keys([asset.pk])):
        return
    groups = access.site.get_model_admin(DuplicateGroup)
    permitted = [other for other in others if access.allows("change", other)]
    if not (permitted and access.allows("change", asset) and groups.has_change_permission(access.request)):
        return
    user_pk: Any = access.request.user.pk
    try:
        decide_related_to(asset.pk, [other.pk for other in permitted], user_pk)
    except DecisionRefused as refusal:
        messages.warning(access.request, str(refusal))
        return
    about = [(other, related_message(DecidedImages(other, asset))) for other in permitted]
    together = related_message(DecidedImages(permitted[0], asset, len(permitted)))
    log_messages(user_pk, [*about, (asset, together)])
    messages.success(access.request, related_message(DecidedImages(permitted[0], asset, len(permitted), is_brief=True)))


def add_hashing_message(request: HttpRequest, asset: ImageAsset, problem: str, left_to_backfill: str) -> None:
    """Tell the user why an uploaded image was not hashed, if it was not, and what that means.

    `asset` must be as it is in the database after the upload was hashed. `problem` is why the file cannot be decoded,
    `left_to_backfill` why a page does not decode it.
    """
    if problem:
        text = _(
            "The image is saved, but its file cannot be decoded (%(reason)s): it has no preview, and only identical"
            " files are found."
        )
        messages.warning(request, text % {"reason": short_error(problem)})
    elif left_to_backfill:
        messages.warning(request, describe_limit(left_to_backfill))
    elif asset.perceptual_hash is None:
        messages.info(request, _("The image will be hashed later."))


def add_search_messages(request: HttpRequest, asset: ImageAsset, site: AdminSite, *, was_asked: bool) -> None:
    """Tell the user which images that they may see are the same as an uploaded one.

    They are not named if the user `was_asked` about them before the upload was saved.
    """
    access = ImageAccess(request, site)
    if not access.may_see_images():
        return
    if unsearchable_reason(asset, include_low_quality=False) == UnsearchableReason.LOW_QUALITY:
        text = _("The image has too little structure to be compared: only identical files are found.")
        messages.info(request, text)
    if was_asked:
        return
    if same := list(find_in_any_orientation(access.images, asset)[: MAX_NAMED + 1]):
        names = linked_names(same[:MAX_NAMED], site, more=len(same) > MAX_NAMED, note=match_label)
        text = format_html(_("The same image seems to be here already: {}"), names)
        if may_see_groups(request, site) and find_group(asset, request, site):
            url, label = admin_url(site, "duplicategroup_of", asset.pk), _("review them")
        else:
            url, label = admin_url(site, "imageasset_find_similar", asset.pk), _("show them")
        messages.warning(request, format_html('{} (<a href="{}">{}</a>)', text, url, label))
