from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator
from django.utils.translation import gettext as _

from hashing.fingerprint.limits import FILE_SUFFIXES, DecodingLimit
from hashing.uploads import verify_upload


class ImageUploadField(forms.FileField):
    """A file in one of the formats that can be hashed, within the limits of the settings.

    It stands in for `forms.ImageField`, which hands PostScript to another program and refuses files by a limit of its
    own.
    """

    default_validators = [FileExtensionValidator(sorted(suffix.removeprefix(".") for suffix in FILE_SUFFIXES))]

    def to_python(self, data: Any) -> Any:
        upload = super().to_python(data)
        if upload is None:
            return None
        try:
            verify_upload(upload)
        # Too expensive for a page to decode: it is accepted, and left to the backfill.
        except DecodingLimit:
            pass
        except (ValueError, OSError) as error:
            raise invalid_image(error) from error
        return upload

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Offer images in the file dialog of the browser, as `forms.ImageField` does."""
        attributes: dict[str, Any] = super().widget_attrs(widget)
        if isinstance(widget, forms.FileInput) and "accept" not in widget.attrs:
            attributes["accept"] = "image/*"
        return attributes


def invalid_image(error: Exception) -> ValidationError:
    reason = str(error).removeprefix("Failed to process image: ")
    message = _("This file cannot be used as an image: %(reason)s.")
    return ValidationError(message, code="invalid_image", params={"reason": reason})
