from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.querysets import HashedImageQuerySet


class HashedImage(models.Model):
    """The fields that the backfill fills and the search reads, for a site's own image model.

    A subclass has a file field of its own and names it in `hash_source`.
    """

    hash_source: ClassVar[str] = "image"

    perceptual_hash = models.CharField(_("perceptual hash"), max_length=64, null=True, blank=True, editable=False)
    vertical_hash = models.CharField(_("vertical hash"), max_length=64, null=True, blank=True, editable=False)
    hash_quality = models.PositiveSmallIntegerField(
        _("hash quality"),
        null=True,
        blank=True,
        editable=False,
        validators=[MaxValueValidator(100)],
        help_text=_("0 (blank) to 100. Below the site's minimum, the hash is left out of search."),
    )
    hash_version = models.PositiveSmallIntegerField(_("hash version"), null=True, blank=True, editable=False)
    hash_error = models.TextField(_("hash error"), blank=True, default="", editable=False)
    hashed_at = models.DateTimeField(
        _("hashed at"), null=True, blank=True, editable=False, help_text=_("When it was last tried.")
    )
    width = models.PositiveIntegerField(_("width"), null=True, blank=True, editable=False)
    height = models.PositiveIntegerField(_("height"), null=True, blank=True, editable=False)
    file_size = models.PositiveBigIntegerField(_("file size"), null=True, blank=True, editable=False)

    objects: ClassVar[Any] = HashedImageQuerySet.as_manager()

    class Meta:
        abstract = True


class ImageAsset(HashedImage):
    """One picture of the site. `width` and `height` are those a person sees, after EXIF rotation."""

    image = models.ImageField(_("image"), upload_to="images/%Y/%m/", max_length=500)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects: ClassVar[HashedImageQuerySet[ImageAsset]] = HashedImageQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("image asset")
        verbose_name_plural = _("image assets")
        indexes = [
            models.Index(fields=["perceptual_hash"], name="image_asset_phash_idx"),
            models.Index(fields=["vertical_hash"], name="image_asset_vhash_idx"),
            models.Index(fields=["image"], name="image_asset_image_idx"),
            models.Index(fields=["id"], condition=Q(perceptual_hash__isnull=True), name="image_asset_unhashed_idx"),
        ]

    def __str__(self) -> str:
        return self.image.name or str(self.pk)
