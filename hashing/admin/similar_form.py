"""What an editor can say about a search; all of it stands in the address."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from hashing.perceptual_hash import HASH_BITS, Fingerprint

USUAL_DISTANCE, SLIDER_END = 5, 16
_HASH = rf"[0-9a-fA-F]{{{HASH_BITS // 4}}}"
_NO_DISTANCE = _("The distance must be a whole number from 0 to 64.")
_NO_HASH = _("This address holds no hash of a picture to search by.")
_NO_QUALITY = _("The quality must be a whole number from 0 to 100.")


def _whole_number(most: int, message: Any, **options: Any) -> forms.IntegerField:
    errors = dict.fromkeys(("required", "invalid", "min_value", "max_value"), message)
    return forms.IntegerField(min_value=0, max_value=most, error_messages=errors, **options)


def _hash(**options: Any) -> forms.RegexField:
    errors = dict.fromkeys(("required", "invalid", "null_characters_not_allowed"), _NO_HASH)
    return forms.RegexField(rf"\A{_HASH}\Z", error_messages=errors, widget=forms.HiddenInput, **options)


class SearchForm(forms.Form):
    distance = _whole_number(HASH_BITS, _NO_DISTANCE)
    any_orientation = forms.BooleanField(label=_("also mirrored, flipped and turned"), required=False)
    include_low_quality = forms.BooleanField(label=_("also blank pages, logos and the like"), required=False)

    @classmethod
    def of(cls, query: QueryDict) -> Self:
        """From the address of the page, checked already."""
        data = query.copy()
        data.setdefault("distance", str(USUAL_DISTANCE))
        form = cls(data)
        form.is_valid()
        return form

    @property
    def shown_distance(self) -> int:
        return int(self.cleaned_data.get("distance", USUAL_DISTANCE))

    @property
    def slider_end(self) -> int:
        return max(SLIDER_END, self.shown_distance)

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

    hash = _hash()
    vertical = _hash(required=False)
    quality = _whole_number(100, _NO_QUALITY, required=False, widget=forms.HiddenInput)

    def source(self) -> Fingerprint | str:
        """Of a valid form, for `similar_to()`. The size of the picture is not known."""
        known = self.cleaned_data
        if not known["vertical"]:
            return str(known["hash"])
        return Fingerprint(known["hash"], known["vertical"], "", known["quality"] or 0, width=0, height=0)
