from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.fingerprint.limits import DecodingLimit
from hashing.fingerprint.orientations import Orientation
from hashing.indexing.owners import has_row_permission
from hashing.indexing.similar_rows import similar_rows
from hashing.log_events import LogEvent, log_event
from hashing.models import ImageAsset
from hashing.models.match_labels import describe_match
from hashing.search.query import is_searchable
from hashing.sources import ImageSource
from hashing.sources.registry import sources_of_model
from hashing.text import printable
from hashing.uploads import hash_uploaded_picture

__all__ = ["SimilarPicture", "SimilarPictureAction", "SimilarPictureMixin"]

logger = logging.getLogger(__name__)

MAX_SIMILAR_PICTURES = 5
MAX_TEXT = 80


class SimilarPictureAction(StrEnum):
    """What a form does with a picture that is already there: warn and stay valid, ask for confirmation, or refuse."""

    WARN = "warn"
    CONFIRM = "confirm"
    REFUSE = "refuse"


@dataclass(frozen=True)
class SimilarPicture:
    """A row with a picture like the uploaded one. `text` and `url` are empty if the user may not see the row.

    `label` says how its picture is framed, turned and mirrored; empty if it is as the uploaded one is.
    """

    row: Any
    distance: int
    text: str = ""
    url: str = ""
    label: str = ""


class SimilarPictureMixin(forms.BaseForm):
    """Searches for pictures like the uploaded ones. List it before `ModelForm` in the bases of a form of a source.

    With a `user`, the form links to rows that this user may view. After validation, `similar_pictures` has the nearest
    rows, and `similar_picture_message` is a message about them in HTML. It does not check that a file is a picture:
    leave that to the form field.

    A file that is too much for the limits of a page is not searched for, whatever the action: its field is in
    `unsearched_picture_fields`. For a picture with too little structure only equal files are found: its field is in
    `unstructured_picture_fields`. The message tells both.
    """

    similar_picture_action = SimilarPictureAction.WARN
    # Names of the file fields of the form; by default those that are sources.
    similar_picture_fields: Sequence[str] = ()
    similar_picture_max_distance: int | None = None
    similar_picture_any_orientation = False
    confirm_field_name = "confirm_similar_picture"
    user: Any = None

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if user is not None:
            self.user = user
        self.similar_pictures: list[SimilarPicture] = []
        self.unsearched_picture_fields: list[str] = []
        self.unstructured_picture_fields: list[str] = []
        if self.similar_picture_action == SimilarPictureAction.CONFIRM:
            self.fields[self.confirm_field_name] = confirmation_field()

    def get_similar_queryset(self) -> QuerySet[Any]:
        """Return the rows to search: by default those of the model's default manager."""
        return self.Meta.model._default_manager.all()  # type: ignore[attr-defined, no-any-return]

    def get_similar_url(self, row: Any) -> str | None:
        """Return a link to a row: by default `url()` of the source if the user may view the row."""
        if self.user is None or not has_row_permission(self.user, "view", row):
            return None
        return self._sources[0].url(row)

    def clean(self) -> Any:
        cleaned = super().clean()
        self.similar_pictures, self.unsearched_picture_fields, self.unstructured_picture_fields = [], [], []
        for name in self.similar_picture_fields or [source.source_field for source in self._sources]:
            upload = self.cleaned_data.get(name)
            if isinstance(upload, UploadedFile):
                self._check_upload(name, upload)
        self.similar_pictures = nearest_rows(self.similar_pictures)
        return cleaned

    @property
    def similar_picture_message(self) -> SafeString | str:
        """The warning in HTML, with links; empty if there is nothing to warn of."""
        messages = [warning_about(self.similar_pictures)]
        if self.unsearched_picture_fields:
            messages.append(_("A picture is too large to be compared with others while you wait."))
        if self.unstructured_picture_fields:
            messages.append(_("A picture has too little structure to be compared: only equal files are found."))
        return format_html_join(" ", "{}", ((message,) for message in messages if message))

    @property
    def _sources(self) -> list[ImageSource]:
        return sources_of_model(self.get_similar_queryset().model)

    def _check_upload(self, name: str, upload: UploadedFile[Any]) -> None:
        try:
            picture = hash_uploaded_picture(upload)
        except DecodingLimit:
            self.unsearched_picture_fields.append(name)
            return
        except (ValueError, OSError):
            return
        if not is_searchable(picture, include_low_quality=False):
            self.unstructured_picture_fields.append(name)
        found = [self._describe(row) for row in self._find_similar(picture)]
        self.similar_pictures += found
        if found and not self._is_accepted():
            model = self.get_similar_queryset().model._meta.label
            message = "An upload for %s is refused: the same picture is here"
            log_event(logger, LogEvent.UPLOAD_REFUSED, message, model, model=model)
            self.add_error(name, ValidationError(warning_about(found), code="similar_picture"))

    def _find_similar(self, picture: ImageAsset) -> Iterable[Any]:
        rows = similar_rows(
            self.get_similar_queryset(),
            picture,
            self.similar_picture_max_distance,
            any_orientation=self.similar_picture_any_orientation,
        )
        if (instance := getattr(self, "instance", None)) is not None and not instance._state.adding:
            rows = rows.exclude(pk=instance.pk)
        return rows[: MAX_SIMILAR_PICTURES + 1]

    def _describe(self, row: Any) -> SimilarPicture:
        try:
            url = self.get_similar_url(row) or ""
            text = Truncator(printable(str(row))).chars(MAX_TEXT) if url else ""
        # Methods of the site, which may fail for one row; the upload does not depend on the link.
        except Exception:
            logger.exception("There is no link to a row: %s", printable(str(row.pk)))
            url = text = ""
        orientation = getattr(row, "picture_orientation", Orientation.UPRIGHT)
        return SimilarPicture(row, row.distance, text, url, describe_match(row.picture_framing, orientation))

    def _is_accepted(self) -> bool:
        if self.similar_picture_action == SimilarPictureAction.CONFIRM:
            # Visible from now on, whether or not it is ticked.
            self.fields[self.confirm_field_name].widget = forms.CheckboxInput()
            return bool(self.cleaned_data.get(self.confirm_field_name))
        return self.similar_picture_action == SimilarPictureAction.WARN


def confirmation_field() -> forms.BooleanField:
    """Return the checkbox, which is hidden until there is something to confirm."""
    return forms.BooleanField(label=gettext_lazy("Upload it anyway"), required=False, widget=forms.HiddenInput)


def nearest_rows(pictures: Iterable[SimilarPicture]) -> list[SimilarPicture]:
    """Return each row once, the nearest ones first: several fields of a form may have found it."""
    nearest: dict[Any, SimilarPicture] = {}
    for each in sorted(pictures, key=lambda picture: picture.distance):
        nearest.setdefault(each.row.pk, each)
    return list(nearest.values())[: MAX_SIMILAR_PICTURES + 1]


def warning_about(pictures: Sequence[SimilarPicture]) -> SafeString | str:
    if not pictures:
        return ""
    links = [linked(each) for each in pictures[:MAX_SIMILAR_PICTURES] if each.url]
    if not links:
        label = pictures[0].label
        text = _("The same picture seems to be here already (%(label)s).")
        return text % {"label": label} if label else _("The same picture seems to be here already.")
    names = format_html_join(", ", "{}", ((link,) for link in links))
    if len(pictures) > len(links):
        names = format_html("{} {}", names, _("and more"))
    return format_html(_("The same picture seems to be here already: {}"), names)


def linked(picture: SimilarPicture) -> SafeString:
    link = format_html('<a href="{}">{}</a>', picture.url, picture.text)
    return format_html("{} ({})", link, picture.label) if picture.label else link
