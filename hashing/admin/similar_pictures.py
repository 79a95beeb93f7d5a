from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from hashing.forms import SimilarPictureAction, SimilarPictureMixin, confirmation_field
from hashing.sources.registry import sources_of_model


class SimilarPictureAdminMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Asks before a picture is saved that is here already. List it before `ModelAdmin` in the admin of a source.

    It searches the rows of `get_queryset`. A `form` that is a `SimilarPictureMixin` says itself what happens.
    """

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        form: Any = super().get_form(request, obj, change, **{"form": with_question(self.form)} | kwargs)
        rows = {"get_similar_queryset": lambda _form: self.get_queryset(request)}
        return type(form.__name__, (form,), {"user": request.user, **rows})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the checkbox below the first picture, for users who may save."""
        form = with_question(self.form)
        pictures = form.similar_picture_fields or [source.source_field for source in sources_of_model(self.model)]
        may_save = obj is None or self.has_change_permission(request, obj)
        is_missing = may_save and form.similar_picture_action == SimilarPictureAction.CONFIRM
        fieldsets = []
        for title, options in super().get_fieldsets(request, obj):
            lines = [line for line in options["fields"] if line != form.confirm_field_name]
            below = next((place for place, line in enumerate(lines, 1) if not names_of(line).isdisjoint(pictures)), 0)
            if is_missing and below:
                lines.insert(below, form.confirm_field_name)
                is_missing = False
            fieldsets.append((title, {**options, "fields": lines}))
        return fieldsets

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        was_asked = form.similar_picture_action == SimilarPictureAction.CONFIRM and form.similar_pictures
        if not was_asked and form.similar_picture_message:
            messages.warning(request, form.similar_picture_message)


def with_question(form: type[forms.BaseForm]) -> type[SimilarPictureMixin]:
    """Return a form with the checkbox as a declared field: the admin lists the fields before it makes a form."""
    if issubclass(form, SimilarPictureMixin):
        asking = form
    else:
        action = {"similar_picture_action": SimilarPictureAction.CONFIRM}
        asking = type(form.__name__, (SimilarPictureMixin, form), action)
    if asking.similar_picture_action != SimilarPictureAction.CONFIRM:
        return asking
    return type(form.__name__, (asking,), {asking.confirm_field_name: confirmation_field()})


def names_of(line: str | Sequence[str]) -> set[str]:
    """Return the fields that a line of a fieldset shows."""
    return {line} if isinstance(line, str) else set(line)
