from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.translation import gettext as _

from hashing.admin.images.duplicate_links import may_see_groups
from hashing.admin.links import admin_url, linked_names
from hashing.conf import hashing_settings
from hashing.fingerprint.limits import FILE_SUFFIXES
from hashing.models import GroupMember, ImageAsset


class PictureField(forms.ImageField):
    """Knows the formats and the limit of the hash, where Django's own field takes whatever Pillow can open."""

    default_validators = [FileExtensionValidator(sorted(suffix.removeprefix(".") for suffix in FILE_SUFFIXES))]

    def to_python(self, data: Any) -> Any:
        from hashing.fingerprint.opening import verify_picture

        # Past ImageField, whose check opens PostScript and breaks off above Pillow's own limit.
        upload = super(forms.ImageField, self).to_python(data)
        if upload is None:
            return None
        limits = hashing_settings()
        if upload.size > limits.MAX_BYTES:
            message = _("This file has more than %(max)s.")
            raise ValidationError(message, code="too_large", params={"max": filesizeformat(limits.MAX_BYTES)})
        try:
            verify_picture(upload, limits.MAX_PIXELS)
        except (ValueError, MemoryError, OSError) as error:
            message = _("This file cannot be used as a picture: %(reason)s.")
            raise ValidationError(message, code="invalid_image", params={"reason": error}) from error
        finally:
            upload.seek(0)
        return upload


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
