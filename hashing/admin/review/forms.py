from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django import forms
from django.core.exceptions import BadRequest, ValidationError
from django.http import QueryDict

from hashing.admin.review.verdicts import VERDICTS, GroupSnapshot, Verdict
from hashing.text import MAX_KEY


@dataclass(frozen=True)
class Decision:
    """A verdict on an image and the keeper of its group.

    The group is named by its keeper, because its own key changes with every decision. `batch` becomes the key of the
    decision, so that a form that is sent twice decides once.
    """

    verdict: Verdict
    asset_pk: int
    keeper_pk: int
    shown: GroupSnapshot
    batch: UUID

    @property
    def kept_pk(self) -> int | None:
        """The image that is kept in place of others, if there is one."""
        return self.verdict.kept_pk(self.asset_pk, self.keeper_pk)


class ReviewForm(forms.Form):
    """A form of the review. Only its own page sends it: invalid data is a bad request."""

    batch = forms.UUIDField(widget=forms.HiddenInput)
    return_to = forms.CharField(widget=forms.HiddenInput, required=False)

    @classmethod
    def of(cls, data: QueryDict) -> Self:
        """Return the form with its cleaned data. Raises `BadRequest`."""
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
    """Decide about an image of a group; the button adds the name of its verdict with the key of the image.

    The fields besides `keeper` are a `GroupSnapshot`.
    """

    keeper = key_field()
    size = key_field()
    open_count = key_field()
    newest_decision = key_field()
    last_member = key_field(required=False)

    def clean(self) -> dict[str, Any]:
        chosen = [verdict for verdict in VERDICTS if verdict.name in self.data]
        if len(chosen) != 1:
            raise ValidationError("One verdict is required.", code="verdict")
        asset_pk = key_field().clean(self.data[chosen[0].name])
        return {**self.cleaned_data, "verdict": chosen[0], "asset": asset_pk}

    @property
    def decision(self) -> Decision:
        data = self.cleaned_data
        return Decision(
            verdict=data["verdict"],
            asset_pk=data["asset"],
            keeper_pk=data["keeper"],
            shown=GroupSnapshot(*(data[name] for name in GroupSnapshot._fields)),
            batch=data["batch"],
        )
