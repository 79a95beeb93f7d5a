"""What the upload form shows when the picture is here already: both pictures, what differs, and three ways to go on."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from hashing.admin.owners import attach_owners
from hashing.admin.previews import LARGE, preview_html
from hashing.admin.review.differences import Difference, Pair, find_differences
from hashing.admin.review.file_labels import known_facts
from hashing.admin.search.matches import find_in_any_orientation, orientation_of
from hashing.admin.visibility import ImageAccess
from hashing.conf import page_limits
from hashing.fingerprint.limits import DecodingLimit
from hashing.fingerprint.orientations import IS_TRANSPOSED
from hashing.fingerprint.similarity import Framing
from hashing.models import ImageAsset
from hashing.models.match_labels import describe_match
from hashing.previews.location import preview_type
from hashing.text import first_line
from hashing.uploads import hash_uploaded_picture, path_of_upload
from hashing.workers.page_decoding import make_thumbnail

MAX_SHOWN = 5
# The other buttons of the form that save. "Keep both" does what the one does that was pressed before.
SAVE_BUTTONS = ("_addanother", "_continue")


@dataclass(frozen=True)
class SameImage:
    """An image that is here, beside the upload."""

    asset: Any
    upload: ImageAsset
    access: ImageAccess

    @property
    def preview(self) -> str:
        return preview_html(self.asset, LARGE, self.access.site)

    @property
    def label(self) -> str:
        # Without the frame, which is one of the differences.
        return describe_match(Framing.NONE, orientation_of(self.asset))

    @property
    def differences(self) -> list[Difference]:
        is_on_side = orientation_of(self.asset) in IS_TRANSPOSED
        return find_differences(Pair(self.asset, self.upload, is_on_side, Framing(self.asset.framing)))

    @property
    def may_replace(self) -> bool:
        return may_replace(self.asset, self.access)

    @property
    def confirmation(self) -> str:
        return confirmation_of(self.asset)


@dataclass(frozen=True)
class UploadChoice:
    """The upload, unsaved, and the visible images that show the same. `preview` is in base 64, or empty."""

    upload: ImageAsset
    preview: str
    images: list[SameImage]
    has_more: bool
    save_button: str

    @property
    def preview_type(self) -> str:
        return preview_type(self.upload)

    @property
    def facts(self) -> list[str]:
        return known_facts(self.upload)


class ImageUploadForm(forms.ModelForm):  # type: ignore[type-arg]
    """Asks before it saves a picture that is here already, where a ModelAdmin sets `access`.

    It is not valid while the question is open, although it has no error. `was_asked`: the answer was to keep both, the
    upload and the images `kept` with it, which the question has shown. `problem`: why the upload could not be decoded,
    and so not be compared with other images.
    """

    access: ClassVar[ImageAccess | None] = None
    choice: UploadChoice | None = None
    was_asked = False
    kept: Sequence[ImageAsset] = ()
    problem = ""

    def clean(self) -> Any:
        cleaned = super().clean()
        file = self.cleaned_data.get("image")
        if self.access is not None and isinstance(file, UploadedFile) and self.access.may_see_images():
            self._find_choice(file, self.access)
        return cleaned

    def is_valid(self) -> bool:
        return super().is_valid() and self.choice is None

    def _find_choice(self, file: UploadedFile[Any], access: ImageAccess) -> None:
        try:
            upload = hash_uploaded_picture(file)
        except DecodingLimit:
            return
        except (ValueError, OSError) as error:
            self.problem = first_line(error)
            return
        save_button = next((name for name in SAVE_BUTTONS if name in self.data), "")
        choice = find_choice(file, upload, access, self.instance.pk, save_button)
        # The digest says which file was shown.
        self.was_asked = choice is not None and self.data.get("keep_both") == upload.file_digest
        if choice is not None and self.was_asked:
            shown = cast("QueryDict", self.data).getlist("shown_image")
            self.kept = [card.asset for card in choice.images if str(card.asset.pk) in shown]
        self.choice = None if self.was_asked else choice


def find_choice(
    file: UploadedFile[Any], upload: ImageAsset, access: ImageAccess, replaced_pk: Any, save_button: str
) -> UploadChoice | None:
    """Return the choice between an upload and the images like it; None if there are none.

    `replaced_pk` is the image whose file the upload replaces, if any.
    """
    rows = find_in_any_orientation(access.images, upload)
    if replaced_pk is not None:
        rows = rows.exclude(pk=replaced_pk)
    found: list[Any] = list(rows[: MAX_SHOWN + 1])
    if not found:
        return None
    attach_owners(found[:MAX_SHOWN], access.request, access.site)
    images = [SameImage(asset, upload, access) for asset in found[:MAX_SHOWN]]
    return UploadChoice(upload, preview_of(file, upload), images, len(found) > MAX_SHOWN, save_button)


def preview_of(file: UploadedFile[Any], upload: ImageAsset) -> str:
    limits = page_limits()
    try:
        with path_of_upload(file, limits) as path:
            content = make_thumbnail(path, LARGE, limits, keeps_alpha=bool(upload.is_transparent))
            return base64.b64encode(content).decode()
    except (DecodingLimit, ValueError, OSError):
        return ""


def may_replace(asset: ImageAsset, access: ImageAccess) -> bool:
    """Whether the user may give an image another file: not where a row of the site owns it."""
    if asset.source_type or access.model_admin is None:
        return False
    return access.model_admin.has_change_permission(access.request, asset)


def confirmation_of(asset: ImageAsset) -> str:
    """Return what a user confirms who replaces the file: the image, and the file that it has now."""
    return f"{asset.pk}-{asset.file_version}"
