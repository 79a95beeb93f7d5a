"""What follows when an upload is saved: the decision to keep it beside others, and messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _

from hashing.admin.columns import short_error
from hashing.admin.hashing_actions.runs import describe_limit
from hashing.admin.images.duplicates import find_group, may_see_groups
from hashing.admin.links import admin_url, linked_names
from hashing.admin.review.history import log_messages
from hashing.admin.review.verdicts import DecidedImages, related_message
from hashing.admin.search.matches import UnsearchableReason, find_in_any_orientation, match_label, unsearchable_reason
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused
from hashing.grouping.decisions import decide_related_to
from hashing.models import DuplicateGroup, ImageAsset

# Images that a message names.
MAX_NAMED = 5


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


def add_upload_messages(saved: ImageAsset, form: Any, access: ImageAccess, using: str) -> None:
    """Tell the user whether an upload was hashed, and what is the same. Call it after the hashing, if there is any."""
    # Not from a replica, which may not have the row yet.
    asset = ImageAsset.objects.using(using).filter(pk=saved.pk).first()
    if asset is None:
        return
    problem = asset.hash_error or getattr(form, "problem", "")
    add_hashing_message(access.request, asset, problem, saved.left_to_backfill)
    add_search_messages(asset, access, was_asked=getattr(form, "was_asked", False))


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


def add_search_messages(asset: ImageAsset, access: ImageAccess, *, was_asked: bool) -> None:
    """Tell the user which images that they may see are the same as an uploaded one.

    They are not named if the user `was_asked` about them before the upload was saved.
    """
    request, site = access.request, access.site
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
