from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, cast
from uuid import UUID

from django import forms
from django.core.exceptions import BadRequest, ValidationError
from django.http import QueryDict

from hashing.admin.review.presence import GroupSnapshot
from hashing.admin.review.presentation import CARDS_PER_PAGE
from hashing.admin.review.verdicts import VERDICTS, Verdict
from hashing.text import MAX_KEY


@dataclass(frozen=True)
class Decision:
    """A verdict on images of a group and its keeper.

    The group is named by its keeper, because its own key changes with every decision. `batch` becomes the key of the
    decision, so that a form that is sent twice decides once.
    """

    verdict: Verdict
    assets: tuple[int, ...]
    keeper_pk: int
    shown: GroupSnapshot
    batch: UUID
    # Whether the images were selected: those that nobody can decide about any more are left out then.
    is_selection: bool = False


class ReviewForm(forms.Form):
    """A form of the review. Only its own page sends it: invalid data is a bad request."""

    batch = forms.UUIDField(widget=forms.HiddenInput)
    return_to = forms.CharField(widget=forms.HiddenInput, required=False)

    @classmethod
    def of(cls, data: QueryDict) -> Self:
        """Return the form with its cleaned data. Raise `BadRequest`."""
        form = cls(data)
        if not form.is_valid():
            raise BadRequest(form.errors.as_json())
        return form


class UndoForm(ReviewForm):
    """Take the decisions back that were made together under the key `batch`."""


def key_field(*, required: bool = True) -> forms.IntegerField:
    return forms.IntegerField(min_value=0, max_value=MAX_KEY, required=required, widget=forms.HiddenInput)


class TakeBackForm(ReviewForm):
    """Take back the decision with the key `take_back`. A button in the form of a group, which names the keeper."""

    take_back = key_field()
    keeper = key_field()


class DecisionForm(ReviewForm):
    """Decide about one image of a group, or about several that are selected.

    The fields besides `keeper` are a `GroupSnapshot`; all of them are `GroupPresentation.form_values`. The button says
    what is decided:

    - `<button name="NAME" value="KEY">`, with the name of a verdict and the key of an image, decides about this image,
      whatever is selected.
    - `<button name="selected" value="NAME">` decides about all images of `<input type="checkbox" name="image"
      value="KEY">` that are checked, CARDS_PER_PAGE and the keeper at most. "same", "different" and "related" leave out
      the images that are decided already, were decided about since the page was shown, have left the group, or may not
      be changed by the user: the message counts them, with the reasons. "keep" is about the whole group, and is refused
      if anything in it has changed. Without a checked image, the answer is a refusal with a message.

    Either way the answer is a `DecisionResponse`.
    """

    keeper = key_field()
    size = key_field()
    open_count = key_field()
    newest_decision = key_field()
    last_member = key_field(required=False)

    def clean(self) -> dict[str, Any]:
        data = cast("QueryDict", self.data)
        buttons = [*(verdict.name for verdict in VERDICTS if verdict.name in data), *data.getlist("selected")]
        if len(buttons) != 1:
            raise ValidationError("One verdict is required.", code="verdict")
        verdict = next((verdict for verdict in VERDICTS if verdict.name == buttons[0]), None)
        if verdict is None:
            raise ValidationError("There is no such verdict.", code="verdict")
        is_selection = "selected" in data
        keys = data.getlist("image") if is_selection else [data[verdict.name]]
        if len(keys) > CARDS_PER_PAGE + 1:
            raise ValidationError("Too many images are selected.", code="image")
        assets = tuple(dict.fromkeys(key_field().clean(key) for key in keys))
        return {**self.cleaned_data, "verdict": verdict, "assets": assets, "is_selection": is_selection}

    @property
    def decision(self) -> Decision:
        data = self.cleaned_data
        return Decision(
            verdict=data["verdict"],
            assets=data["assets"],
            keeper_pk=data["keeper"],
            shown=GroupSnapshot(*(data[name] for name in GroupSnapshot._fields)),
            batch=data["batch"],
            is_selection=data["is_selection"],
        )
