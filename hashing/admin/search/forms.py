from __future__ import annotations

from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from hashing.admin.fields import ImageUploadField, invalid_image
from hashing.admin.search.matches import MAX_MILLISECONDS
from hashing.conf import hashing_settings
from hashing.fingerprint.fingerprint import DETAIL_BITS, HASH_BITS, is_hash
from hashing.fingerprint.similarity import BEST_QUALITY
from hashing.models import ImageAsset
from hashing.search.similar import largest_quick_distance
from hashing.text import parse_integer
from hashing.uploads import hash_uploaded_picture

# Images that differ more have nothing in common.
MAX_DISTANCE = 200
NO_HASHES = _("This address does not contain the hashes of an image.")
BAD_QUALITY = _("The quality must be a whole number from 0 to 100.")


class SearchForm(forms.Form):
    """The options of a search, which stand in the address of its page."""

    distance = forms.Field(required=False)
    any_orientation = forms.BooleanField(label=_("also mirrored, flipped and turned"), required=False)
    include_low_quality = forms.BooleanField(label=_("also blank pages, logos and the like"), required=False)
    largest_distance = MAX_DISTANCE

    @classmethod
    def of(cls, query: QueryDict, rows: QuerySet[ImageAsset], *, is_framed: bool) -> Self:
        """Return the validated form of a page that searches `rows`. `is_framed`: by a picture with a frame."""
        form = cls(query)
        quick = largest_quick_distance(
            rows, MAX_MILLISECONDS, any_orientation="any_orientation" in query, is_framed=is_framed
        )
        form.largest_distance = min(MAX_DISTANCE, quick)
        form.is_valid()
        return form

    def clean_distance(self) -> int:
        text = self.cleaned_data["distance"] if "distance" in self.data else self.default_distance
        distance = parse_integer(str(text), self.largest_distance)
        if distance is None:
            message = _("The distance must be a whole number from 0 to %(largest)s.")
            raise ValidationError(message, code="invalid", params={"largest": self.largest_distance})
        return distance

    @property
    def default_distance(self) -> int:
        return min(hashing_settings().MAX_DISTANCE, self.largest_distance)

    @property
    def shown_distance(self) -> int:
        return int(self.cleaned_data.get("distance", self.default_distance))

    @property
    def messages(self) -> list[str]:
        """The errors without repetitions."""
        return list(dict.fromkeys(str(message) for errors in self.errors.values() for message in errors))

    @property
    def query(self) -> str:
        """The query string of the same search for another image."""
        ticked = {name: "on" for name in ("any_orientation", "include_low_quality") if self.cleaned_data.get(name)}
        return urlencode({"distance": self.shown_distance, **ticked})


class HashField(forms.CharField):
    """A hash of `bits` bits as hexadecimal text."""

    widget = forms.HiddenInput

    def __init__(self, bits: int, *, required: bool = True) -> None:
        errors = dict.fromkeys(("required", "null_characters_not_allowed"), NO_HASHES)
        super().__init__(strip=False, required=required, empty_value=None, error_messages=errors)
        self.bits = bits

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is not None and not is_hash(value, self.bits):
            raise ValidationError(NO_HASHES, code="invalid")


class QualityField(forms.IntegerField):
    widget = forms.HiddenInput

    def __init__(self) -> None:
        errors = dict.fromkeys(("invalid", "min_value", "max_value"), BAD_QUALITY)
        super().__init__(min_value=0, max_value=BEST_QUALITY, required=False, error_messages=errors)


class HashForm(SearchForm):
    """A search by the hashes of an uploaded image, of which nothing else is kept."""

    # The columns of an image by their names in the address.
    COLUMNS: ClassVar = {
        "hash": "perceptual_hash",
        "vertical": "vertical_hash",
        "detail": "detail_hash",
        "quality": "hash_quality",
        "inside_hash": "inside_perceptual_hash",
        "inside_vertical": "inside_vertical_hash",
        "inside_detail": "inside_detail_hash",
        "inside_quality": "inside_quality",
    }

    hash = HashField(HASH_BITS)
    vertical = HashField(HASH_BITS)
    detail = HashField(DETAIL_BITS)
    quality = QualityField()
    # Those of what is inside a frame; all or none.
    inside_hash = HashField(HASH_BITS, required=False)
    inside_vertical = HashField(HASH_BITS, required=False)
    inside_detail = HashField(DETAIL_BITS, required=False)
    inside_quality = QualityField()

    @classmethod
    def address_query(cls, image: ImageAsset) -> dict[str, Any]:
        """Return the query of the address of a search by the hashes of an image."""
        values = {name: getattr(image, column) for name, column in cls.COLUMNS.items()}
        return {name: value for name, value in values.items() if value is not None}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        inside = [cleaned.get(name) for name in self.COLUMNS if name.startswith("inside_")]
        if None in inside and any(value is not None for value in inside):
            raise ValidationError(NO_HASHES, code="invalid")
        return cleaned

    def unsaved_asset(self) -> ImageAsset:
        """Return an asset for `similar_to()`. The form must be valid."""
        values = {column: self.cleaned_data[name] for name, column in self.COLUMNS.items()}
        return ImageAsset(
            **{name: value.lower() if isinstance(value, str) else value for name, value in values.items()}
        )


class SearchUploadForm(forms.Form):
    """An image to search by. Its cleaned data is an unsaved asset with the hashes."""

    image = ImageUploadField(label=_("Image"), widget=forms.FileInput)

    def clean_image(self) -> ImageAsset:
        try:
            return hash_uploaded_picture(self.cleaned_data["image"])
        except (ValueError, OSError) as error:
            raise invalid_image(error) from error
