"""The form field of an upload, which refuses what is no picture."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from hashing.conf import hashing_settings
from hashing.limits import FILE_SUFFIXES


class PictureField(forms.ImageField):
    """Knows the formats and the limit of the hash, where Django's own field takes whatever Pillow can open."""

    default_validators = [FileExtensionValidator(sorted(suffix.removeprefix(".") for suffix in FILE_SUFFIXES))]

    def to_python(self, data: Any) -> Any:
        from hashing.pixels import verify_picture

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
