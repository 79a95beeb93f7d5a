"""What an editor can say about a search; all of it stands in the address."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from hashing.conf import hashing_settings
from hashing.fingerprint.fingerprint import DETAIL_BITS, HASH_BITS, is_hash
from hashing.fingerprint.similarity import BEST_QUALITY
from hashing.models import ImageAsset
from hashing.search.similar import largest_quick_distance
from hashing.text import parse_integer

# Beyond it, a page could show other pictures only.
LARGEST_DISTANCE = 200
# In a large table the largest distance is one whose search is expected to take no longer.
QUICK_MILLISECONDS = 3000
_NO_DISTANCE = _("The distance must be a whole number from 0 to %(largest)s.")
_NO_HASH = _("This address holds no hashes of a picture to search by.")
_NO_QUALITY = _("The quality must be a whole number from 0 to 100.")


def _hex(bits: int) -> forms.CharField:
    def validate(text: str) -> None:
        if not is_hash(text, bits):
            raise ValidationError(_NO_HASH, code="invalid")

    errors = dict.fromkeys(("required", "null_characters_not_allowed"), _NO_HASH)
    return forms.CharField(validators=[validate], strip=False, error_messages=errors, widget=forms.HiddenInput)


def _quality() -> forms.IntegerField:
    errors = dict.fromkeys(("invalid", "min_value", "max_value"), _NO_QUALITY)
    return forms.IntegerField(
        min_value=0, max_value=BEST_QUALITY, required=False, error_messages=errors, widget=forms.HiddenInput
    )


class SearchForm(forms.Form):
    """`largest_distance`: what this search may ask for."""

    distance = forms.Field(required=False)
    any_orientation = forms.BooleanField(label=_("also mirrored, flipped and turned"), required=False)
    include_low_quality = forms.BooleanField(label=_("also blank pages, logos and the like"), required=False)
    largest_distance = LARGEST_DISTANCE

    @classmethod
    def of(cls, query: QueryDict, rows: QuerySet[ImageAsset]) -> Self:
        """Return the form for the address of a page that searches `rows`, checked already."""
        form = cls(query)
        quick = largest_quick_distance(rows, QUICK_MILLISECONDS, any_orientation="any_orientation" in query)
        form.largest_distance = min(LARGEST_DISTANCE, quick)
        form.is_valid()
        return form

    def clean_distance(self) -> int:
        given = self.cleaned_data["distance"] if "distance" in self.data else self.usual_distance
        distance = parse_integer(str(given), self.largest_distance)
        if distance is not None:
            return distance
        raise ValidationError(_NO_DISTANCE, code="invalid", params={"largest": self.largest_distance})

    @property
    def usual_distance(self) -> int:
        return min(hashing_settings().MAX_DISTANCE, self.largest_distance)

    @property
    def shown_distance(self) -> int:
        return int(self.cleaned_data.get("distance", self.usual_distance))

    @property
    def messages(self) -> list[str]:
        """Each error once."""
        return list(dict.fromkeys(str(message) for errors in self.errors.values() for message in errors))

    @property
    def query(self) -> str:
        """The same search for another picture, as the part of an address after "?"."""
        ticked = {name: "on" for name in ("any_orientation", "include_low_quality") if self.cleaned_data.get(name)}
        return urlencode({"distance": self.shown_distance, **ticked})


class HashForm(SearchForm):
    """With the hashes of a picture that is nowhere kept."""

    hash = _hex(HASH_BITS)
    vertical = _hex(HASH_BITS)
    detail = _hex(DETAIL_BITS)
    quality = _quality()

    def source(self) -> ImageAsset:
        """Return an unsaved row of a valid form, for `similar_to()`."""
        known = self.cleaned_data
        return ImageAsset(
            perceptual_hash=known["hash"].lower(),
            vertical_hash=known["vertical"].lower(),
            detail_hash=known["detail"].lower(),
            hash_quality=known["quality"],
        )
